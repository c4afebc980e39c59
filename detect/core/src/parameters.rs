//! What an operator may set of a rule: typed, bounded, and each with its meaning, from which the reference is made.

use std::ops::RangeInclusive;

/// The parameters of one rule. [`crate::parameters!`] declares them.
pub trait Parameters {
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

/// Declares the parameters of a rule: for each its meaning as a comment, type, default, and, behind `in`, its range; the reference is made
/// of these. A last block `check(parameters)` holds what must fit together. `enabled` comes by itself.
#[macro_export]
macro_rules! parameters {
    (
        $(#[$attribute:meta])*
        pub struct $type:ident {
            $( $(#[$about:meta])+ $field:ident: $of:ty = $default:expr $(, in $range:expr)?; )*
        }
        $(check($parameters:ident) $check:block)?
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, Eq, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct $type {
            /// Whether the rule runs.
            pub enabled: bool,
            $(
                $(#[$about])+
                $(#[schemars(range(
                    min = *::std::ops::RangeInclusive::<$of>::start(&($range)),
                    max = *::std::ops::RangeInclusive::<$of>::end(&($range))
                ))])?
                pub $field: $of,
            )*
        }

        impl Default for $type {
            fn default() -> Self {
                Self { enabled: true, $( $field: $default, )* }
            }
        }

        impl $crate::parameters::Parameters for $type {
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
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
        let schema = schemars::schema_for!(Sample).to_value();
        let check = |name: &str, expected: [Value; 4]| {
            let found =
                ["description", "default", "minimum", "maximum"].map(|fact| schema["properties"][name][fact].clone());
            assert_eq!(found, expected, "{name}");
        };
        check("enabled", [json!("Whether the rule runs."), json!(true), Value::Null, Value::Null]);
        check("many", [json!("How many are\ntoo many."), json!(5), json!(2), json!(9)]);
        check("few", [json!("How many are few: less than many."), json!(1), json!(0), Value::Null]);
        check("names", [json!("Names."), json!([]), Value::Null, Value::Null]);
        let default = Sample::default();
        assert_eq!((default.is_enabled(), default.many, default.check()), (true, 5, Ok(())));
        assert_eq!(Sample { many: 10, ..default.clone() }.check(), Err("many is 10; it must be 2 to 9".to_owned()));
        assert!(Sample { few: 5, ..default }.check().is_err());
    }
}
