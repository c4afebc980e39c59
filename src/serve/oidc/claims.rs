//! What an ID token and the userinfo endpoint say of a person, as JSON: where groups and names lie in it.

use openidconnect::AdditionalClaims;
use operations::limits::GROUPS_OF_PERSON_MAX;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// All claims but those that every provider has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OtherClaims(Map<String, Value>);

impl AdditionalClaims for OtherClaims {}

/// The groups at this path: a list of texts, or one text. What is something else in the list is passed over; `None` if there is no list.
pub fn groups(claims: &Value, path: &[&str]) -> Option<Vec<String>> {
    let found = path.iter().try_fold(claims, |value, step| value.get(step))?;
    match found {
        Value::String(group) => Some(vec![group.clone()]),
        Value::Array(list) => {
            let texts = list.iter().filter_map(Value::as_str).take(GROUPS_OF_PERSON_MAX);
            Some(texts.map(str::to_owned).collect())
        }
        _ => None,
    }
}

/// The text of a claim, unless it is empty.
pub fn text(claims: &Value, name: &str) -> Option<String> {
    claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn groups_lie_where_the_path_says() {
        let check = |claims: Value, path: &[&str], expected: Option<&[&str]>| {
            let found = groups(&claims, path);
            assert_eq!(found, expected.map(|groups| groups.iter().map(ToString::to_string).collect()), "{claims}");
        };
        check(json!({"groups": ["a", "b"]}), &["groups"], Some(&["a", "b"]));
        check(json!({"groups": "a"}), &["groups"], Some(&["a"]));
        check(json!({"groups": ["a", 1, null, ["b"], {"c": 1}]}), &["groups"], Some(&["a"]));
        check(json!({"groups": []}), &["groups"], Some(&[]));
        check(json!({"groups": 1}), &["groups"], None);
        check(json!({"groups": {"a": 1}}), &["groups"], None);
        check(json!({}), &["groups"], None);
        check(json!({"realm_access": {"roles": ["a"]}}), &["realm_access", "roles"], Some(&["a"]));
        check(json!({"realm_access": ["roles"]}), &["realm_access", "roles"], None);
        check(json!({"https://acme.example/groups": ["a"]}), &["https://acme.example/groups"], Some(&["a"]));
        let many: Vec<String> = (0..2 * GROUPS_OF_PERSON_MAX).map(|at| at.to_string()).collect();
        assert_eq!(groups(&json!({ "groups": many }), &["groups"]).unwrap().len(), GROUPS_OF_PERSON_MAX);
    }

    proptest! {
        #[test]
        fn any_path_into_anything_is_answered(text in "\\PC{0,60}", steps in proptest::collection::vec("[a-c]{0,2}", 0..4)) {
            let claims: Value = serde_json::from_str(&text).unwrap_or_else(|_| json!({"a": {"b": text}, "c": [text]}));
            let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
            let _ = groups(&claims, &steps);
        }
    }
}
