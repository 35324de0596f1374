//! A chart as pixels: the only file that knows resvg and the font it writes with.
//!
//! The words are set in `DejaVu` Sans, which is in the binary: the same picture on every machine,
//! whatever fonts it has. What that font lacks shows as an empty box.

use std::sync::Arc;

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{self, Options, Tree, fontdb::Database},
};

/// Pixels of the picture in a drawn unit: twice as many as the report shows, for sharp print.
const SCALE: f32 = 0.5;

/// Why a drawing cannot become a picture.
#[derive(Debug, thiserror::Error)]
pub enum RasterError {
    /// It is not the SVG that it should be.
    #[error("the chart cannot be read as SVG: {0}")]
    Svg(#[from] usvg::Error),
    /// A side is zero, or it needs more memory than can be addressed.
    #[error("a picture of {width} x {height} pixels cannot be made")]
    Size {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// The pixels could not be packed.
    #[error("the picture cannot be written as PNG: {0}")]
    Png(String),
}

/// The bytes of a PNG file of a drawing that stands alone.
pub(super) fn png(svg: &str) -> Result<Vec<u8>, RasterError> {
    let tree = Tree::from_str(svg, &options())?;
    let size = tree.size().to_int_size();
    let too_large = || RasterError::Size {
        width: size.width(),
        height: size.height(),
    };
    let size = size.scale_by(SCALE).ok_or_else(too_large)?;
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or_else(too_large)?;
    let smaller = Transform::from_scale(SCALE, SCALE);
    resvg::render(&tree, smaller, &mut pixels.as_mut());
    (pixels.encode_png()).map_err(|error| RasterError::Png(error.to_string()))
}

/// Our font for all words, and no file but what is in the drawing.
fn options() -> Options<'static> {
    let mut fonts = Database::new();
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    let family = "DejaVu Sans";
    fonts.set_sans_serif_family(family);
    let mut options = Options {
        font_family: family.to_owned(),
        fontdb: Arc::new(fonts),
        ..Options::default()
    };
    options.image_href_resolver.resolve_string = Box::new(|_, _| None);
    options
}
