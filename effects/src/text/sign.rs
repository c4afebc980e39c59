//! The signs of a text: their words, which stand in the column `text_signs`. How a sign is found does not stand here.

macro_rules! signs {
    ($($name:ident $word:literal $doc:literal;)*) => {
        /// What may be noticed about a text.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Sign {
            $(#[doc = $doc] $name,)*
        }

        impl Sign {
            /// All of them, in the order in which they are told.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its word.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The sign with this word.
            pub fn of(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|sign| sign.word() == word)
            }

            /// What the text does, as it follows `it`.
            pub const fn clause(self) -> &'static str {
                match self { $(Self::$name => $doc,)* }
            }
        }
    };
}

signs! {
    Instructions "instructions" "asks its reader to do something";
    Override "override" "tells its reader to drop what was asked before";
    Authority "authority" "speaks as the system, as the developer or as the user";
    Secrecy "secrecy" "wants it kept from the user";
    Hidden "hidden" "is hidden from people who look at the text";
    Encoded "encoded" "is encoded";
    Addressed "addressed" "speaks to an AI";
    Order "order" "puts itself before or after the task";
    Tools "tools" "names tools to call";
    Urgency "urgency" "is urgent";
    Unasked "unasked" "lets its reader act without asking anybody";
    About "about" "stands in a text about such attacks";
}

/// A set of signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signs(u16);

impl Signs {
    /// Those of a number that was stored.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The same as a number.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Adds one.
    pub fn add(&mut self, sign: Sign) {
        self.0 |= 1 << sign as u16;
    }

    /// Adds those of another set.
    pub fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether a sign is among them.
    pub fn has(self, sign: Sign) -> bool {
        self.0 & (1 << sign as u16) != 0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the text works against whoever the agent works for: nobody writes so to a developer.
    pub fn is_hostile(self) -> bool {
        [Sign::Override, Sign::Authority, Sign::Secrecy, Sign::Hidden, Sign::Encoded].iter().any(|sign| self.has(*sign))
    }

    /// Whether it is meant for an agent, hostile or not.
    pub fn is_for_agents(self) -> bool {
        self.is_hostile()
            || [Sign::Addressed, Sign::Order, Sign::Tools, Sign::Unasked].iter().any(|sign| self.has(*sign))
    }

    /// The signs in order.
    pub fn iter(self) -> impl Iterator<Item = Sign> {
        Sign::ALL.iter().copied().filter(move |sign| self.has(*sign))
    }
}

impl FromIterator<Sign> for Signs {
    fn from_iter<I: IntoIterator<Item = Sign>>(signs: I) -> Self {
        let mut set = Self::default();
        signs.into_iter().for_each(|sign| set.add(sign));
        set
    }
}
