//! The figures for people: one line each, with the goal where there is one.

use std::fmt::Write as _;

use serde_json::Value;

/// A figure that has a goal: how its path begins and ends, and whether it must be at least or at most so much.
const GOALS: [(&str, &str, Goal); 11] = [
    ("invoke_to_native", "", Goal::AtLeast(0.6)),
    ("enqueue_to_bare", "", Goal::AtLeast(0.5)),
    ("sdk_call.", "ours_to_bare", Goal::AtMost(1.5)),
    ("small_components.", "call.ours_to_bare", Goal::AtMost(1.5)),
    ("large_components.", "call.ours_to_bare", Goal::AtMost(1.3)),
    ("calls_by_processes.", "two_processes_to_one", Goal::AtLeast(1.8)),
    ("small_components.", "load_sealed_ms.p50", Goal::AtMost(2.0)),
    ("large_components.", "load_sealed_ms.p50", Goal::AtMost(2.0)),
    ("turns.", "crowd_before_last_of_few", Goal::AtMost(40.0)),
    ("small_components.", "first_result_cold_ms.p50", Goal::AtMost(80.0)),
    ("large_components.", "first_result_cold_ms.p50", Goal::AtMost(80.0)),
];

#[derive(Clone, Copy, Debug)]
enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn words(self, figure: f64) -> String {
        let (is_met, words) = match self {
            Self::AtLeast(least) => (figure >= least, format!("at least {least}")),
            Self::AtMost(most) => (figure <= most, format!("at most {most}")),
        };
        if is_met { words } else { format!("{words}: MISSED") }
    }
}

/// The table of an object's figures, nested ones with their path.
pub(super) fn of(figures: &Value) -> String {
    let mut lines = Vec::new();
    collect("", figures, &mut lines);
    let width = lines.iter().map(|(name, ..)| name.len()).max().unwrap_or_default();
    let mut table = String::new();
    for (name, figure, goal) in lines {
        // Writing to a text cannot fail.
        let _ = writeln!(table, "{}", format!("{name:<width$}  {figure:>14}  {goal}").trim_end());
    }
    table
}

fn collect(path: &str, value: &Value, lines: &mut Vec<(String, String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| collect(&below(name), value, lines)),
        Value::Array(all) => {
            all.iter().enumerate().for_each(|(index, value)| collect(&below(&index.to_string()), value, lines));
        }
        Value::Number(number) => {
            let figure = number.as_f64().unwrap_or_default();
            let goal = GOALS.iter().find(|(begin, end, _)| path.starts_with(begin) && path.ends_with(end));
            let text = if figure.fract() == 0.0 { format!("{figure:.0}") } else { format!("{figure:.2}") };
            lines.push((path.to_owned(), text, goal.map_or_else(String::new, |(.., goal)| goal.words(figure))));
        }
        Value::String(text) => lines.push((path.to_owned(), text.clone(), String::new())),
        Value::Bool(is) => lines.push((path.to_owned(), is.to_string(), String::new())),
        Value::Null => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_figure_has_a_line_and_a_goal_that_is_missed_says_so() {
        let table = of(&json!({
            "sdk_call": { "ours_to_bare": 1.25 },
            "large_components": [{ "file": "a.wasm", "call": { "ours_to_bare": 1.4 }, "load_sealed_ms": { "p50": 0.5 } }],
        }));
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        let expected: [&[&str]; 4] = [
            &["large_components.0.call.ours_to_bare", "1.40", "at", "most", "1.3:", "MISSED"],
            &["large_components.0.file", "a.wasm"],
            &["large_components.0.load_sealed_ms.p50", "0.50", "at", "most", "2"],
            &["sdk_call.ours_to_bare", "1.25", "at", "most", "1.5"],
        ];
        for line in expected {
            assert!(lines.iter().any(|found| found == line), "{line:?}: {table}");
        }
    }
}
