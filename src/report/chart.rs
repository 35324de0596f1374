//! Charts as SVG text: axes, panels and marks in, one `<svg>` out.
//!
//! Owns how things are drawn; must not know what they mean. Colours are names ([`Ink`]) that
//! the page's style sheet gives their values, so that one drawing serves light and dark.

pub mod axis;
mod compact;
mod draw;
mod finish;
pub mod heat;
mod raster;
mod standalone;

pub use axis::{Axis, Opposite};
pub use finish::escaped;
pub use raster::RasterError;

/// A colour by meaning. The page defines the CSS variable of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Throttles, and whatever else is wrong.
    Throttle,
    /// What is well.
    Good,
    /// Text and neutral lines.
    Text,
    /// Secondary text and lines.
    Muted,
    /// Grid lines: decoration, no information.
    Grid,
    /// Frames of empty panels and strips.
    Soft,
}

impl Ink {
    /// Every colour.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Write,
        Self::Throttle,
        Self::Good,
        Self::Text,
        Self::Muted,
        Self::Grid,
        Self::Soft,
    ];

    /// The CSS variable, without its dashes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Throttle => "throttle",
            Self::Good => "good",
            Self::Text => "text",
            Self::Muted => "muted",
            Self::Grid => "grid",
            Self::Soft => "soft",
        }
    }
}

/// How a line or a surface is filled; it repeats what the colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Texture {
    /// Unbroken.
    Solid,
    /// Long dashes.
    Dashed,
    /// Short dashes.
    Dotted,
    /// Diagonal lines; surfaces only.
    Hatched,
    /// A pale wash; surfaces only.
    Pale,
}

impl Texture {
    /// Every texture.
    pub const ALL: [Self; 5] = [
        Self::Solid,
        Self::Dashed,
        Self::Dotted,
        Self::Hatched,
        Self::Pale,
    ];
}

/// The sign at a point of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// ●
    Circle,
    /// ■
    Square,
    /// ▲
    Triangle,
    /// ◆
    Diamond,
    /// ▼
    Wedge,
}

impl Shape {
    /// Shape number `index`, starting over after the last.
    #[must_use]
    pub const fn nth(index: usize) -> Self {
        match index % 5 {
            0 => Self::Circle,
            1 => Self::Square,
            2 => Self::Triangle,
            3 => Self::Diamond,
            _ => Self::Wedge,
        }
    }

    /// The same shape as a character, for legends.
    #[must_use]
    pub const fn glyph(self) -> char {
        match self {
            Self::Circle => '●',
            Self::Square => '■',
            Self::Triangle => '▲',
            Self::Diamond => '◆',
            Self::Wedge => '▼',
        }
    }
}

/// A point in the units of the axes.
pub type Point = (f64, f64);

/// One thing in a panel. Later marks lie over earlier ones; what is outside the axes is drawn
/// at their ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A line, broken between its segments.
    Line {
        /// The unbroken stretches.
        segments: Vec<Vec<Point>>,
        /// Colour.
        ink: Ink,
        /// Solid, dashed or dotted.
        texture: Texture,
        /// Thickness in quarters of a pixel.
        width: u32,
    },
    /// The surface between a line and the lower end of the axis.
    Area {
        /// The upper edge.
        points: Vec<Point>,
        /// Colour.
        ink: Ink,
        /// Filling.
        texture: Texture,
    },
    /// The surface between two lines.
    Ribbon {
        /// The upper edge.
        upper: Vec<Point>,
        /// The lower edge, from left to right as well.
        lower: Vec<Point>,
        /// Colour.
        ink: Ink,
        /// Filling.
        texture: Texture,
    },
    /// Rectangles, each from its lower left to its upper right corner.
    Boxes {
        /// The corners.
        corners: Vec<(Point, Point)>,
        /// Colour.
        ink: Ink,
        /// Filling.
        texture: Texture,
    },
    /// Vertical stretches over the whole panel, from x to x.
    Spans {
        /// From and to.
        spans: Vec<Point>,
        /// Colour.
        ink: Ink,
    },
    /// A rectangle of cells over the whole height of the panel, a colour for each number.
    Cells {
        /// Where they end on the x axis; they begin at its lower end.
        until: f64,
        /// Row by row from the top, each from left to right: 0 to 1, NaN for none.
        rows: Vec<Vec<f64>>,
    },
    /// Frames around rectangles, each from its lower left to its upper right corner.
    Frames {
        /// The corners.
        corners: Vec<(Point, Point)>,
        /// Colour.
        ink: Ink,
    },
    /// Signs at points.
    Signs {
        /// Where.
        points: Vec<Point>,
        /// Colour.
        ink: Ink,
        /// What.
        shape: Shape,
    },
    /// A dashed horizontal across the panel with words on it.
    Limit {
        /// Height.
        y: f64,
        /// The words.
        label: String,
        /// Colour.
        ink: Ink,
    },
    /// Bars in the right margin, one for each place of the y axis, the largest as long as there
    /// is room; labels stand beside them.
    Bars {
        /// Height, and how much.
        rows: Vec<Point>,
        /// Colour.
        ink: Ink,
    },
    /// A vertical over the whole panel with words beside its upper end, below those of the
    /// flags before it.
    Flag {
        /// Where.
        x: f64,
        /// The words.
        label: String,
        /// Colour.
        ink: Ink,
    },
    /// Words in the right margin, at a height; moved apart where they would overlap.
    Label {
        /// Height.
        y: f64,
        /// The words.
        text: String,
        /// Colour.
        ink: Ink,
    },
}

/// One pair of axes. Panels of a chart lie below each other and share the x axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What is plotted, and its unit; above the panel.
    pub heading: String,
    /// Height in pixels.
    pub height: u32,
    /// Vertical axis.
    pub y: Axis,
    /// What is in it.
    pub marks: Vec<Mark>,
    /// Said in the middle of the panel when there is nothing to see.
    pub note: Option<String>,
}

/// A drawing with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Unique in the page; letters, digits and dashes.
    pub id: String,
    /// The question that it answers.
    pub title: String,
    /// What can be seen, for those who cannot.
    pub description: String,
    /// Shared horizontal axis.
    pub x: Axis,
    /// What x is, and its unit; below the last panel.
    pub x_heading: String,
    /// From top to bottom.
    pub panels: Vec<Panel>,
    /// Pixels right of the panels, at least 26; labels need more.
    pub right_margin: u32,
    /// Further attributes of `<svg>`, name and value.
    pub attributes: Vec<(String, String)>,
}

impl Chart {
    /// The chart as an `<svg>` element that scales with its container.
    #[must_use]
    pub fn to_svg(&self) -> String {
        draw::svg(self, draw::WIDTH)
    }

    /// The same, so many pixels wide: one of several beside each other.
    #[must_use]
    pub fn to_small_svg(&self, width: u32) -> String {
        draw::svg(self, width)
    }

    /// The same as a file of its own, in the light colours, on their background.
    #[must_use]
    pub fn to_svg_file(&self) -> String {
        standalone::svg(&self.to_svg())
    }

    /// The same as the bytes of a PNG file, two pixels for each of the report.
    ///
    /// # Errors
    ///
    /// Never for what this program draws: a defect, or no memory for the picture.
    pub fn to_png_file(&self) -> Result<Vec<u8>, RasterError> {
        raster::png(&self.to_svg_file())
    }
}
