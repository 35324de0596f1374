//! Charts as PNG files: whole, in the right colours, with words in the font that ships.

use dynamometer::report::{chart::Chart, html};

use crate::{fixtures, heat};

const PAGE: [u8; 3] = [0xff, 0xff, 0xff];
const READS: [u8; 3] = [0x00, 0x72, 0xb2];

/// Its size and its pixels.
fn picture(chart: &Chart) -> ((u32, u32), Vec<[u8; 3]>) {
    let file = chart.to_png_file().unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(file))
        .read_info()
        .unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgba);
    let pixels = bytes.chunks(4).map(|pixel| {
        assert_eq!(pixel[3], 255, "opaque, on any page");
        [pixel[0], pixel[1], pixel[2]]
    });
    ((info.width, info.height), pixels.collect())
}

fn count(pixels: &[[u8; 3]], colour: [u8; 3]) -> usize {
    pixels.iter().filter(|pixel| **pixel == colour).count()
}

#[test]
fn a_picture_has_the_lines_and_the_words_of_its_chart() {
    let case = fixtures::throttled();
    let mut charts = html::charts(&case.record, &case.scenario);
    let chart = charts
        .iter_mut()
        .find(|chart| chart.id.starts_with("capacity"))
        .unwrap();
    let (size, with_words) = picture(chart);
    assert!(size.0 >= 1920, "{size:?}");
    assert!(count(&with_words, READS) > 1_000);
    assert!(count(&with_words, PAGE) > with_words.len() / 2);

    for panel in &mut chart.panels {
        panel.heading = String::new();
    }
    let (same, without) = picture(chart);
    assert_eq!(size, same);
    let differ = with_words.iter().zip(&without).filter(|(a, b)| a != b);
    assert!(differ.count() > 200, "the heading is drawn as letters");
}

#[test]
fn the_picture_of_a_heat_map_has_its_cells() {
    let case = heat::hot();
    let charts = html::charts(&case.record, &case.scenario);
    let chart = charts.iter().find(|chart| chart.id.starts_with("heat"));
    let (_, pixels) = picture(chart.unwrap());
    // The colours of the scale are none of the inks: its lower end is a dark blue.
    let blue = |[red, green, blue]: &[u8; 3]| *red < 70 && *green < 80 && *blue > 70;
    let cold = pixels.iter().filter(|pixel| blue(pixel)).count();
    assert!(cold > 10_000, "{cold}");
}

#[test]
fn names_from_outside_make_pictures_too() {
    let case = fixtures::hostile_names();
    let charts = html::charts(&case.record, &case.scenario);
    let named = charts.iter().find(|chart| chart.id == "percentiles");
    let ((width, height), _) = picture(named.unwrap());
    assert!(width >= 1920 && height > 100);
}
