//! The two languages. A text stands in both beside where it is used, so that neither can be forgotten: `lang.t("Entrar",
//! "Sign in")`. Brazil's Portuguese is the shop's unless somebody chose, or their browser asks, otherwise.

/// A page's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// Brazil's Portuguese.
    Pt,
    /// English.
    En,
}

impl std::str::FromStr for Lang {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "pt" | "pt-BR" => Ok(Self::Pt),
            "en" => Ok(Self::En),
            _ => Err(()),
        }
    }
}

impl Lang {
    /// The text in this language.
    pub(crate) const fn t(self, portuguese: &'static str, english: &'static str) -> &'static str {
        match self {
            Self::Pt => portuguese,
            Self::En => english,
        }
    }

    /// Its name for browsers and readers of screens.
    pub(crate) const fn code(self) -> &'static str {
        self.t("pt-BR", "en")
    }

    /// What somebody chose, or what their browser would like best of what there is.
    pub(crate) fn wanted(chosen: Option<&str>, accepted: Option<&str>) -> Self {
        let first = accepted.into_iter().flat_map(|list| list.split(','));
        let mut known = chosen.into_iter().chain(first).filter_map(|word| match word.trim().get(..2) {
            Some("pt") => Some(Self::Pt),
            Some("en") => Some(Self::En),
            _ => None,
        });
        known.next().unwrap_or(Self::Pt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_wins_over_the_browser_and_portuguese_over_nothing() {
        assert_eq!(Lang::wanted(None, None), Lang::Pt);
        assert_eq!(Lang::wanted(None, Some("de, en-US;q=0.8, pt;q=0.5")), Lang::En);
        assert_eq!(Lang::wanted(None, Some("pt-BR,en;q=0.9")), Lang::Pt);
        assert_eq!(Lang::wanted(Some("pt"), Some("en-GB")), Lang::Pt);
        assert_eq!(Lang::wanted(Some("xx"), Some("*")), Lang::Pt);
    }
}
