//! A picture of a result: bars for the first column of numbers, one for each row, as long as there are not too many. Pure.

use serde_json::Value;

use crate::figures;

/// Rows that a picture shows.
const BARS_MAX: usize = 60;

/// Bars with their labels, in a picture 640 wide and 180 high.
pub struct Chart {
    pub label: String,
    pub value: String,
    /// The columns of the result in which the two stand; a module reads them there.
    pub label_column: usize,
    pub value_column: usize,
    pub bars: Vec<Bar>,
    pub top: String,
    pub sentence: String,
}

/// One bar.
pub struct Bar {
    pub x: f64,
    pub width: f64,
    pub height: f64,
    pub y: f64,
    pub words: String,
    pub label: Option<String>,
}

impl Chart {
    /// Of a result with a text or a moment first and a number after it; `None` for others.
    pub fn of(columns: &[(String, String, bool)], rows: &[Value]) -> Option<Self> {
        let label_column = columns.iter().position(|(_, _, is_number)| !is_number)?;
        let value_column = columns.iter().position(|(_, _, is_number)| *is_number)?;
        let ((label, ..), (value, ..)) = (columns.get(label_column)?, columns.get(value_column)?);
        if rows.len() < 2 {
            return None;
        }
        let number = |row: &Value| row[value.as_str()].as_f64().unwrap_or(0.0).max(0.0);
        let rows: Vec<&Value> = rows.iter().take(BARS_MAX).collect();
        let highest = rows.iter().map(|row| number(row)).fold(0.0, f64::max);
        if highest <= 0.0 {
            return None;
        }
        let width = 584.0 / rows.len() as f64;
        let every = rows.len().div_ceil(8);
        let bar = |(index, row): (usize, &&Value)| {
            let height = number(row) / highest * 140.0;
            let name = match &row[label.as_str()] {
                Value::String(text) => figures::moment(text)
                    .map_or_else(|| text.clone(), |moment| moment.format("%-d %b %H:%M").to_string()),
                Value::Null => "null".to_owned(),
                other => other.to_string(),
            };
            Bar {
                x: 52.0 + width * index as f64,
                width: (width - 1.5).max(0.5),
                height,
                y: 150.0 - height,
                words: format!("{name}: {}", row[value.as_str()]),
                label: (index % every == 0).then(|| name.chars().take(14).collect()),
            }
        };
        Some(Self {
            bars: rows.iter().enumerate().map(bar).collect(),
            top: if highest >= 1000.0 { figures::short(highest as i64) } else { format!("{highest:.1}") },
            sentence: format!("{value} by {label}, {} rows, up to {highest}", rows.len()),
            label: label.clone(),
            value: value.clone(),
            label_column,
            value_column,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_has_no_numbers_has_no_picture() {
        let columns = |kinds: &[(&str, bool)]| -> Vec<(String, String, bool)> {
            kinds.iter().map(|(name, is_number)| ((*name).to_owned(), String::new(), *is_number)).collect()
        };
        let rows = [json!({ "a": "x", "n": 1 }), json!({ "a": null, "n": 3.5 })];
        let chart = Chart::of(&columns(&[("a", false), ("n", true)]), &rows).unwrap();
        assert_eq!(chart.bars.iter().map(|bar| bar.height.round() as i64).collect::<Vec<_>>(), [40, 140]);
        assert_eq!((chart.label_column, chart.value_column), (0, 1));
        assert!(Chart::of(&columns(&[("a", false)]), &rows).is_none());
        assert!(Chart::of(&columns(&[("n", true)]), &rows).is_none());
        assert!(Chart::of(&columns(&[("a", false), ("n", true)]), &rows[..1]).is_none());
        assert!(Chart::of(&columns(&[("a", false), ("b", true)]), &rows).is_none());
    }
}
