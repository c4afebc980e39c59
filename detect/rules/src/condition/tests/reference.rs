//! Conditions against an interpreter of the whole language that others wrote: what holds here holds there, and the other way
//! round. Where it reports an error, a condition has no answer and does not hold.

use cel::{Context, Program, Value};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fixtures;

/// Choices that follow from a seed.
struct Choices(u64);

impl Choices {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn int(&mut self, depth: usize) -> String {
        match if depth == 0 { self.below(6) } else { self.below(10) } {
            0 => "status".to_owned(),
            1 => "bytes_out".to_owned(),
            2 => "tokens_in".to_owned(),
            3..=5 => self.of(&["0", "3", "-1", "403", "9223372036854775807", "-9223372036854775808"]).to_owned(),
            6 => format!("size({})", self.text(depth - 1)),
            7 => format!("({} ? {} : {})", self.bool(depth - 1), self.int(depth - 1), self.int(depth - 1)),
            _ => format!("({} {} {})", self.int(depth - 1), self.of(&["+", "-", "*", "/", "%"]), self.int(depth - 1)),
        }
    }

    fn text(&mut self, depth: usize) -> String {
        match if depth == 0 { self.below(5) } else { self.below(6) } {
            0 => "host".to_owned(),
            1 => "method".to_owned(),
            2 => "tool".to_owned(),
            3 | 4 => self.of(&["'a'", "'POST'", "'api.acme.example'", "''", r"'\x61pi'", "r'é'"]).to_owned(),
            _ => format!("({} ? {} : {})", self.bool(depth - 1), self.text(depth - 1), self.text(depth - 1)),
        }
    }

    fn bool(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.of(&["true", "false", "status == 403", "tool == null", "host != null"]).to_owned();
        }
        let below = depth - 1;
        match self.below(10) {
            0 | 1 => format!("({} && {} && {})", self.bool(below), self.bool(below), self.bool(below)),
            2 | 3 => format!("({} || {})", self.bool(below), self.bool(below)),
            4 => format!("!({})", self.bool(below)),
            5 => format!("{} {} {}", self.int(below), self.of(&["==", "!=", "<", "<=", ">", ">="]), self.int(below)),
            6 => format!("{} {} {}", self.text(below), self.of(&["==", "!=", "<", ">="]), self.text(below)),
            7 => {
                let function = self.of(&["startsWith", "endsWith", "contains"]);
                format!("{}.{function}({})", self.text(below), self.text(below))
            }
            8 => self.of(&["host.matches('^a.*e$')", "tool.matches('.')", "method.matches('post')"]).to_owned(),
            _ => {
                let of = ["redactions.exists(r, r.startsWith('jwt'))", "redactions.all(r, r.contains(':'))"];
                let lists = ["'jwt:url:9' in redactions", "method in ['a', 'POST']", "status in [1, 403]"];
                self.of(&[of[0], of[1], lists[0], lists[1], lists[2]]).to_owned()
            }
        }
    }
}

fn reference(source: &str) -> bool {
    let mut context = Context::default();
    context.add_variable_from_value("host", "api.acme.example");
    context.add_variable_from_value("method", "POST");
    context.add_variable_from_value("status", Value::Int(403));
    context.add_variable_from_value("bytes_out", Value::Int(2_000));
    context.add_variable_from_value("tool", Value::Null);
    context.add_variable_from_value("tokens_in", Value::Null);
    context.add_variable_from_value("redactions", vec!["jwt:url:9".to_owned(), "aws_key:body:3".to_owned()]);
    let program = Program::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    matches!(program.execute(&context), Ok(Value::Bool(true)))
}

proptest! {
    #[test]
    fn conditions_hold_where_the_reference_says_so(seed: u64, depth in 1usize..5) {
        let source = Choices(seed).bool(depth);
        let Ok(condition) = Condition::new(&source) else { return Ok(()) };
        let rows = fixtures::rows(&[json!({
            "second": 0, "host": "api.acme.example", "method": "POST", "status": 403, "bytes_out": 2_000,
            "redactions": ["jwt:url:9", "aws_key:body:3"],
        })]);
        let row = rows.get(0).unwrap();
        let answer = condition.ask(&EventRow::new(&row, false, fixtures::key()));
        prop_assert_eq!(answer == Truth::Yes, reference(&source), "{}", source);
    }
}
