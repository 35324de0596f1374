//! Cells as pixels: the only file that knows png.
//!
//! The colours are those of cividis, which those who see fewer colours read alike, from dark at
//! 0 to light at 1; they are the same in both themes.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Colours of cividis at equal distances.
const CIVIDIS: [[u8; 3]; 9] = [
    [0, 34, 78],
    [18, 53, 112],
    [59, 73, 108],
    [87, 93, 109],
    [112, 113, 115],
    [138, 134, 120],
    [165, 156, 116],
    [195, 179, 105],
    [254, 232, 56],
];
/// Colours of a picture; before them comes one that cannot be seen.
const SHADES: u8 = 255;

/// The colour of a share from 0 to 1 as `#rrggbb`.
#[must_use]
pub fn colour(share: f64) -> String {
    let [red, green, blue] = mixed(share);
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within the scale, and within a byte"
)]
fn mixed(share: f64) -> [u8; 3] {
    let place = share.clamp(0.0, 1.0) * 8.0;
    let below = (place.floor() as usize).min(CIVIDIS.len() - 2);
    let part = place - place.floor().min(7.0);
    let [low, high] = [CIVIDIS[below], CIVIDIS[below + 1]];
    std::array::from_fn(|channel| {
        let (low, high) = (f64::from(low[channel]), f64::from(high[channel]));
        (low + (high - low) * part).round() as u8
    })
}

/// A picture of one pixel per cell, as an address that holds it; `None` without cells.
pub(super) fn data_url(rows: &[Vec<f64>]) -> Option<String> {
    let width = rows.first().map_or(0, Vec::len);
    let pixels: Vec<u8> = rows.iter().flatten().map(|share| shade(*share)).collect();
    if width == 0 || pixels.len() != width * rows.len() {
        return None;
    }
    let shades = (0..SHADES).map(|shade| mixed(f64::from(shade) / f64::from(SHADES - 1)));
    let palette: Vec<u8> = [[0; 3]].into_iter().chain(shades).flatten().collect();
    let mut file = Vec::new();
    let size = [width, rows.len()].map(|side| u32::try_from(side).ok());
    let [Some(width), Some(height)] = size else {
        return None;
    };
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette);
    encoder.set_trns(vec![0]);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels).ok()?;
    writer.finish().ok()?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(file)))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 1 to 255"
)]
fn shade(share: f64) -> u8 {
    if share.is_nan() {
        return 0;
    }
    1 + (share.clamp(0.0, 1.0) * f64::from(SHADES - 1)).round() as u8
}
