//! JSON in its canonical form, RFC 8785 (JCS): one form for each value, so that whoever hashes it gets the same hash.
//!
//! Members are sorted by the UTF-16 code units of their names (3.2.3), texts are escaped as `serde_json` does it already (3.2.2.2). Numbers
//! are whole and below 2^53 here, since [`plain_numbers`] makes texts of all others; so no reader needs the number format of ECMAScript.

use serde_json::{Map, Value};

/// The largest whole number that every reader of JSON keeps, RFC 7493, 2.2.
pub const INTEGER_MAX: i64 = (1 << 53) - 1;

/// Writes a value in its canonical form.
pub fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            write_members(&members(object), out);
            out.push('}');
        }
        // What `serde_json` writes of a text, a whole number or a word is its canonical form.
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// Writes members without the braces around them.
pub fn write_members(members: &[(&String, &Value)], out: &mut String) {
    for (number, (name, value)) in members.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        out.push_str(&Value::from(name.as_str()).to_string());
        out.push(':');
        write(value, out);
    }
}

/// The members of an object in canonical order.
pub fn members(object: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut members: Vec<_> = object.iter().collect();
    // In ASCII, which our own names are, the order of bytes is that of code units.
    if members.iter().all(|(name, _)| name.is_ascii()) {
        members.sort_unstable_by_key(|(name, _)| *name);
    } else {
        members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
    }
    members
}

/// Makes a text of each number that not every reader keeps: fractions, and whole numbers of 2^53 and more.
pub fn plain_numbers(value: &mut Value) {
    match value {
        Value::Number(number)
            if number.as_i64().is_none_or(|number| number.unsigned_abs() > INTEGER_MAX.unsigned_abs()) =>
        {
            *value = Value::String(number.to_string());
        }
        Value::Array(items) => items.iter_mut().for_each(plain_numbers),
        Value::Object(object) => object.values_mut().for_each(plain_numbers),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn canonical(value: &Value) -> String {
        let mut text = String::new();
        write(value, &mut text);
        text
    }

    /// The values are those of RFC 8785, 3.2.2 and 3.2.3, without its fractions.
    #[test]
    fn the_form_is_that_of_the_standard() {
        let value = json!({"string": "\u{20ac}$\u{f}\nA'B\"\\\\\"/", "literals": [null, true, false]});
        let expected = "{\"literals\":[null,true,false],\"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(canonical(&value), expected);
        let names = json!({"\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7});
        let order: Vec<i64> = canonical(&names).split(':').filter_map(|part| part[..1].parse().ok()).collect();
        assert_eq!(order, [2, 4, 6, 7, 1, 5, 3]);
        assert_eq!(canonical(&json!("\u{8}\t\u{c}\u{1b}\u{7f}\u{2028}")), "\"\\b\\t\\f\\u001b\u{7f}\u{2028}\"");
    }

    #[test]
    fn numbers_that_some_readers_change_are_texts() {
        let check = |text: &str, expected: Value| {
            let mut value: Value = serde_json::from_str(text).unwrap();
            plain_numbers(&mut value);
            assert_eq!(value, expected, "{text}");
        };
        check(
            "[9007199254740991,-9007199254740991,0]",
            json!([9_007_199_254_740_991_i64, -9_007_199_254_740_991_i64, 0]),
        );
        check("[9007199254740992,-9007199254740992]", json!(["9007199254740992", "-9007199254740992"]));
        check(r#"{"a":[0.5,1e300,18446744073709551615]}"#, json!({"a": ["0.5", "1e+300", "18446744073709551615"]}));
    }
}
