//! The scoring rules of the Numenta Anomaly Benchmark: early detections in a window count most, one for each window, false
//! ones cost, and the best single threshold over all files is taken. Nothing of the detector stands here.

/// What a missed window and a false detection cost.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// The benchmark's word for it.
    pub name: &'static str,
    false_positive: f64,
    false_negative: f64,
}

/// The benchmark's three.
pub const PROFILES: [Profile; 3] = [
    Profile { name: "standard", false_positive: 0.11, false_negative: 1.0 },
    Profile { name: "low FP", false_positive: 0.22, false_negative: 1.0 },
    Profile { name: "low FN", false_positive: 0.11, false_negative: 2.0 },
];

/// The rows of all files.
#[derive(Debug, Default)]
pub struct Corpus {
    rows: Vec<Row>,
    windows: usize,
}

/// A row after the probation: its score, and what a detection there is worth, in a window or outside.
#[derive(Debug, Clone, Copy)]
struct Row {
    score: f64,
    worth: f64,
    window: Option<usize>,
}

impl Corpus {
    /// Adds the scores of one file with the seconds of its windows.
    pub fn add(&mut self, scores: &[(i64, f64)], windows: &[(i64, i64)]) {
        let probation = scores.len().min(5_000) * 15 / 100;
        let ranges: Vec<(usize, usize)> = windows
            .iter()
            .filter_map(|(start, end)| {
                let left = scores.iter().position(|(second, _)| second >= start)?;
                Some((left, scores.iter().rposition(|(second, _)| second <= end)?))
            })
            .collect();
        for (at, (_, score)) in scores.iter().enumerate().skip(probation) {
            let inside = ranges.iter().position(|(left, right)| (*left..=*right).contains(&at));
            let worth = match inside.map(|inside| ranges[inside]) {
                Some((left, right)) => sigmoid(-((right - at + 1) as f64) / (right - left + 1) as f64) / sigmoid(-1.0),
                None => match ranges.iter().filter(|(_, right)| *right < at).max_by_key(|(_, right)| *right) {
                    Some((left, right)) => sigmoid((at - right) as f64 / (right - left).max(1) as f64),
                    None => -1.0,
                },
            };
            self.rows.push(Row { score: *score, worth, window: inside.map(|inside| self.windows + inside) });
        }
        self.windows += ranges.len();
    }

    /// The best score over all thresholds: zero for a detector that never speaks, 100 for a perfect one.
    pub fn score(&self, profile: Profile) -> f64 {
        let mut rows = self.rows.clone();
        rows.sort_by(|one, other| other.score.total_cmp(&one.score));
        let missed = -profile.false_negative * self.windows as f64;
        let (mut found, mut sum, mut best) = (vec![None; self.windows], missed, missed);
        for (at, row) in rows.iter().enumerate() {
            match row.window.and_then(|window| found.get_mut(window)) {
                None => sum += profile.false_positive * row.worth,
                Some(known) => {
                    let before = known.unwrap_or(-profile.false_negative);
                    let now = known.map_or(row.worth, |known: f64| known.max(row.worth));
                    sum += now - before;
                    *known = Some(now);
                }
            }
            // A threshold lies between two different scores.
            if rows.get(at + 1).is_none_or(|next| next.score < row.score) {
                best = best.max(sum);
            }
        }
        100.0 * (best - missed) / (self.windows as f64 - missed)
    }
}

/// From 1 far before the end of a window to -1 far behind it.
fn sigmoid(position: f64) -> f64 {
    if position > 3.0 { -1.0 } else { 2.0 / (1.0 + (5.0 * position).exp()) - 1.0 }
}
