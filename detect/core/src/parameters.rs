//! What an operator may set of a rule: typed, bounded, and each with its meaning, from which the reference is made.

use std::ops::RangeInclusive;

/// What one parameter means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// Its name, as it stands in the configuration.
    pub name: &'static str,
    /// What it decides: a sentence or two, in the lines of the source.
    pub lines: &'static [&'static str],
    /// The least and the greatest value, where these are the same whatever else is set.
    pub range: Option<(i64, i64)>,
}

impl Meaning {
    /// What it decides, in one line.
    pub fn text(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(|line| line.trim()).collect();
        lines.join(" ")
    }
}

/// The parameters of one rule. [`crate::parameters!`] declares them.
pub trait Parameters {
    /// What each means, in the order in which they are written.
    const MEANINGS: &'static [Meaning];

    /// Whether the rule runs.
    fn is_enabled(&self) -> bool;

    /// Says whether it runs.
    fn set_enabled(&mut self, enabled: bool);

    /// Checks what types cannot: ranges, and what must fit together.
    fn check(&self) -> Result<(), String>;
}

/// Checks that a parameter lies in its range.
pub fn check_range<N: Copy + Into<i64>>(name: &str, value: N, range: RangeInclusive<N>) -> Result<(), String> {
    let (value, least, greatest): (i64, i64, i64) = (value.into(), (*range.start()).into(), (*range.end()).into());
    if (least..=greatest).contains(&value) {
        return Ok(());
    }
    Err(format!("{name} is {value}; it must be {least} to {greatest}"))
}

/// Declares the parameters of a rule: for each its meaning as a comment, type, default, and, behind `in`, its range. A last block
/// `check(parameters)` holds what must fit together. `enabled` comes by itself.
#[macro_export]
macro_rules! parameters {
    (
        $(#[$attribute:meta])*
        pub struct $type:ident {
            $( $(#[doc = $meaning:literal])+ $field:ident: $of:ty = $default:expr $(, in $range:expr)?; )*
        }
        $(check($parameters:ident) $check:block)?
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, Eq, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $type {
            /// Whether the rule runs.
            pub enabled: bool,
            $( $(#[doc = $meaning])+ pub $field: $of, )*
        }

        impl Default for $type {
            fn default() -> Self {
                Self { enabled: true, $( $field: $default, )* }
            }
        }

        impl $crate::parameters::Parameters for $type {
            const MEANINGS: &'static [$crate::parameters::Meaning] = &[
                $crate::parameters::Meaning { name: "enabled", lines: &["Whether the rule runs."], range: None },
                $( $crate::parameters::Meaning {
                    name: stringify!($field),
                    lines: &[$($meaning),+],
                    range: $crate::parameters!(@range $of $(, $range)?),
                }, )*
            ];

            fn is_enabled(&self) -> bool {
                self.enabled
            }

            fn set_enabled(&mut self, enabled: bool) {
                self.enabled = enabled;
            }

            fn check(&self) -> Result<(), String> {
                $( $( $crate::parameters::check_range(stringify!($field), self.$field, $range)?; )? )*
                $(
                    let check = |$parameters: &Self| -> Result<(), String> { $check };
                    check(self)?;
                )?
                Ok(())
            }
        }
    };
    (@range $of:ty) => { None };
    (@range $of:ty, $range:expr) => {{
        let range: ::std::ops::RangeInclusive<$of> = $range;
        Some((*range.start() as i64, *range.end() as i64))
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::parameters! {
        /// Of nothing.
        pub struct Sample {
            /// How many are
            /// too many.
            many: u32 = 5, in 2..=9;
            /// How many are few: less than many.
            few: u32 = 1;
            /// Names.
            names: Vec<String> = Vec::new();
        }
        check(parameters) {
            if parameters.few < parameters.many { Ok(()) } else { Err("few is not less than many".to_owned()) }
        }
    }

    #[test]
    fn each_has_its_meaning_its_default_and_its_range() {
        let [enabled, many, few, names] = Sample::MEANINGS else { panic!("four") };
        assert_eq!(
            (enabled.name, many.text().as_str(), many.range),
            ("enabled", "How many are too many.", Some((2, 9)))
        );
        assert_eq!((few.range, names.name), (None, "names"));
        let default = Sample::default();
        assert_eq!((default.is_enabled(), default.many, default.check()), (true, 5, Ok(())));
        assert_eq!(Sample { many: 10, ..default.clone() }.check(), Err("many is 10; it must be 2 to 9".to_owned()));
        assert!(Sample { few: 5, ..default }.check().is_err());
    }
}
