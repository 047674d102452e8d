//! Small pictures, drawn here so that no page asks anybody for them. They stand beside words, never alone.

use maud::{Markup, html};

/// A picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Icon {
    Alert,
    Arrow,
    Board,
    Box,
    Chart,
    Check,
    Clock,
    Cloud,
    Coin,
    Cross,
    Doc,
    Flag,
    Key,
    Person,
    Phone,
    Plus,
    Wrench,
}

impl Icon {
    /// On a ground of 24 by 24, drawn with a pen.
    const fn path(self) -> &'static str {
        match self {
            Self::Alert => "M12 4 2.5 20h19L12 4zM12 10v4M12 17v.5",
            Self::Arrow => "M5 12h14M13 6l6 6-6 6",
            Self::Board => "M4 5h4v14H4zM10 5h4v9h-4zM16 5h4v11h-4z",
            Self::Box => "M4 8l8-4 8 4v8l-8 4-8-4zM4 8l8 4 8-4M12 12v8",
            Self::Chart => "M4 20h16M7 16v-5M12 16V6M17 16v-8",
            Self::Check => "M5 12.5l4.5 4.5L19 7.5",
            Self::Clock => "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 8v4.5l3 2",
            Self::Cloud => "M4 4l16 16M7 18a4 4 0 0 1-.5-7.9M10 6.3A6 6 0 0 1 18 11a3.5 3.5 0 0 1 1.8 6",
            Self::Coin => {
                "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM14.5 9a2.5 2 0 0 0-5 0c0 3 5 2.5 5 5.5a2.5 2 0 0 1-5 0M12 6.5v11"
            }
            Self::Cross => "M6 6l12 12M18 6L6 18",
            Self::Doc => "M7 3.5h7l4 4v13H7zM14 3.5v4h4M10 12h5M10 16h5",
            Self::Flag => "M6 21V4M6 5h11l-2 3.5 2 3.5H6",
            Self::Key => "M8 12a4 4 0 1 1 0 .1zM12 12h9M18 12v3",
            Self::Person => "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20a7.5 6.5 0 0 1 15 0",
            Self::Phone => "M8 3h8v18H8zM11 18h2",
            Self::Plus => "M12 5v14M5 12h14",
            Self::Wrench => {
                "M20 7.5a5 5 0 0 1-6.6 5.7L7 19.6a1.9 1.9 0 0 1-2.6-2.6l6.4-6.4A5 5 0 0 1 16.5 4l-2.7 2.7 3.5 3.5L20 7.5z"
            }
        }
    }
}

/// The picture, for eyes only.
pub(crate) fn icon(icon: Icon) -> Markup {
    html! {
        svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false" {
            path d=(icon.path()) {}
        }
    }
}
