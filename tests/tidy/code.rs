//! Just enough reading of Rust to know which paths a file names: comments and
//! strings are blanked, the rest is cut into words, `use` trees are written out.

use std::collections::BTreeSet;

/// A path as it stands in the code, `super` and `self` resolved to `crate`.
pub(crate) struct Named {
    /// Its parts, as in `["crate", "store", "jobs"]`.
    pub(crate) parts: Vec<String>,
    /// Where, counted from 1.
    pub(crate) line: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Path,
    Sign(char),
}

/// The text with every comment, string and character literal blanked; lines stay where they are.
pub(crate) fn blanked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = literal_length(rest, out.chars().next_back());
        if length == 0 {
            out.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        } else {
            let (literal, after) = rest.split_at(length);
            out.extend(literal.chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }));
            rest = after;
        }
    }
    out
}

/// How many bytes at the start of `rest` are a comment or a literal; none where it is code.
fn literal_length(rest: &str, before: Option<char>) -> usize {
    let is_inside_word = before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    if rest.starts_with('"') {
        return quoted(rest, '"');
    }
    if !is_inside_word && (rest.starts_with("r\"") || rest.starts_with("r#") || rest.starts_with("br")) {
        return raw_string(rest);
    }
    if rest.starts_with('\'') {
        let mut letters = rest.chars().skip(1);
        let is_character = letters.next() == Some('\\') || letters.next() == Some('\'');
        return if is_character { quoted(rest, '\'') } else { 0 };
    }
    0
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut last = ' ';
    for (at, letter) in rest.char_indices() {
        match (last, letter) {
            ('/', '*') => (depth, last) = (depth + 1, ' '),
            ('*', '/') if depth == 1 => return at + 1,
            ('*', '/') => (depth, last) = (depth.saturating_sub(1), ' '),
            _ => last = letter,
        }
    }
    rest.len()
}

fn quoted(rest: &str, mark: char) -> usize {
    let mut is_escaped = true;
    for (at, letter) in rest.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if letter == mark => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn raw_string(rest: &str) -> usize {
    let Some(open) = rest.find('"') else { return 0 };
    let hashes = rest.get(..open).unwrap_or_default().trim_start_matches('b').strip_prefix('r').unwrap_or("?");
    if !hashes.chars().all(|letter| letter == '#') {
        return 0;
    }
    let end = format!("\"{hashes}");
    let body = rest.get(open + 1..).unwrap_or_default();
    body.find(&end).map_or(rest.len(), |at| open + 1 + at + end.len())
}

fn tokens(code: &str) -> Vec<(Token, usize)> {
    let mut found: Vec<(Token, usize)> = Vec::new();
    let mut is_glued = false;
    for (number, line) in code.lines().enumerate() {
        for letter in line.chars() {
            let is_word = letter.is_alphanumeric() || letter == '_';
            match found.last_mut() {
                Some((Token::Word(word), _)) if is_glued && is_word => word.push(letter),
                Some((last, _)) if is_glued && *last == Token::Sign(':') && letter == ':' => *last = Token::Path,
                _ if is_word => found.push((Token::Word(letter.to_string()), number + 1)),
                _ if !letter.is_whitespace() => found.push((Token::Sign(letter), number + 1)),
                _ => {}
            }
            is_glued = !letter.is_whitespace();
        }
        is_glued = false;
    }
    found
}

/// Every path that a file names, with the inline modules around it taken into account.
///
/// `module` is the file's own place, as in `["crate", "addons", "fetch"]`.
pub(crate) fn paths(text: &str, module: &[&str]) -> Vec<Named> {
    let mut reader = Reader { tokens: tokens(&blanked(text)), at: 0, found: Vec::new(), inline: Vec::new(), depth: 0 };
    reader.run(module);
    reader.found
}

/// The names that a file binds itself, so that `redis::X` after `use crate::config::redis` is not the crate.
pub(crate) fn own_names(text: &str, named: &[Named]) -> BTreeSet<String> {
    let words = tokens(&blanked(text));
    let declared = words.windows(2).filter_map(|pair| match pair {
        [(Token::Word(keyword), _), (Token::Word(name), _)] if keyword == "mod" => Some(name.clone()),
        _ => None,
    });
    let imported = named.iter().filter(|path| path.parts.first().is_some_and(|root| root == "crate"));
    imported.filter_map(|path| path.parts.last().cloned()).chain(declared).collect()
}

struct Reader {
    tokens: Vec<(Token, usize)>,
    at: usize,
    found: Vec<Named>,
    /// Inline modules that are open, each with the brace depth it was opened at.
    inline: Vec<(String, usize)>,
    depth: usize,
}

impl Reader {
    fn run(&mut self, module: &[&str]) {
        while let Some((token, _)) = self.tokens.get(self.at).cloned() {
            match token {
                Token::Word(word) if word == "use" => {
                    self.at += 1;
                    let place = self.place(module);
                    self.tree(&[], &place);
                }
                Token::Word(word) if word == "mod" => self.module(),
                Token::Word(_) => self.chain(module),
                Token::Sign('{') => self.step(self.depth + 1),
                Token::Sign('}') => {
                    let depth = self.depth.saturating_sub(1);
                    self.inline.retain(|(_, opened)| *opened < depth + 1);
                    self.step(depth);
                }
                Token::Path => self.after_path(),
                Token::Sign(_) => self.at += 1,
            }
        }
    }

    fn step(&mut self, depth: usize) {
        self.depth = depth;
        self.at += 1;
    }

    fn place(&self, module: &[&str]) -> Vec<String> {
        let inline = self.inline.iter().map(|(name, _)| name.clone());
        module.iter().map(|part| (*part).to_owned()).chain(inline).collect()
    }

    fn module(&mut self) {
        if let (Some((Token::Word(name), _)), Some((Token::Sign('{'), _))) =
            (self.tokens.get(self.at + 1), self.tokens.get(self.at + 2))
        {
            self.inline.push((name.clone(), self.depth + 1));
        }
        self.at += 2;
    }

    /// What follows a `::` that no word began, as in `<T as X>::y`, belongs to something else.
    fn after_path(&mut self) {
        self.at += 1;
        while matches!(self.tokens.get(self.at), Some((Token::Word(_) | Token::Path, _))) {
            self.at += 1;
        }
    }

    fn chain(&mut self, module: &[&str]) {
        let line = self.tokens.get(self.at).map_or(0, |(_, line)| *line);
        let mut parts = Vec::new();
        while let Some((Token::Word(word), _)) = self.tokens.get(self.at) {
            parts.push(word.clone());
            let goes_on = matches!(self.tokens.get(self.at + 1), Some((Token::Path, _)))
                && matches!(self.tokens.get(self.at + 2), Some((Token::Word(_), _)));
            self.at += if goes_on { 2 } else { 1 };
            if !goes_on {
                break;
            }
        }
        if parts.len() > 1 {
            let place = self.place(module);
            self.found.push(Named { parts: resolved(parts, &place), line });
        }
    }

    /// Reads one `use` tree and writes each leaf down with all its parts.
    fn tree(&mut self, prefix: &[String], place: &[String]) {
        let mut parts = prefix.to_vec();
        let line = self.tokens.get(self.at).map_or(0, |(_, line)| *line);
        while let Some((token, _)) = self.tokens.get(self.at).cloned() {
            match token {
                Token::Word(word) if word == "as" => self.at += 2,
                Token::Word(word) => {
                    parts.push(word);
                    self.at += 1;
                }
                Token::Path | Token::Sign('*') => self.at += 1,
                Token::Sign('{') => return self.branches(&parts, place),
                Token::Sign(_) => break,
            }
        }
        self.found.push(Named { parts: resolved(parts, place), line });
    }

    fn branches(&mut self, prefix: &[String], place: &[String]) {
        self.at += 1;
        while let Some((token, _)) = self.tokens.get(self.at).cloned() {
            match token {
                Token::Sign('}') => {
                    self.at += 1;
                    return;
                }
                Token::Sign(',') => self.at += 1,
                _ => self.tree(prefix, place),
            }
        }
    }
}

/// The same path from `crate`, where it begins with `self` or `super`.
fn resolved(parts: Vec<String>, place: &[String]) -> Vec<String> {
    let supers = parts.iter().filter(|part| *part == "super").count();
    let is_relative = supers > 0 || parts.first().is_some_and(|part| part == "self");
    if !is_relative {
        return parts;
    }
    let base = place.iter().take(place.len().saturating_sub(supers)).cloned();
    base.chain(parts.into_iter().filter(|part| part != "super" && part != "self")).collect()
}

#[test]
fn comments_and_strings_are_no_code() {
    let text = "a /* x /* y */ z */ b // c\n\"d \\\" e\" r#\"f\"g\"# 'h' '\\'' &'i j";
    let words: Vec<_> = blanked(text).split_whitespace().map(str::to_owned).collect();
    assert_eq!(words, ["a", "b", "&'i", "j"]);
}

#[test]
fn use_trees_are_written_out_and_relative_paths_resolved() {
    let text = "use crate::{store::{Store, jobs::Jobs}, queue};\nuse super::fetch as other;\n\
                mod tests { use super::*; fn f() { super::super::events::Bus::new(); } }\nfn g() { tokio::spawn(x); }";
    let found: Vec<_> = paths(text, &["crate", "addons", "install"]).iter().map(|path| path.parts.join("::")).collect();
    let expected = [
        "crate::store::Store",
        "crate::store::jobs::Jobs",
        "crate::queue",
        "crate::addons::fetch",
        "crate::addons::install",
        "crate::addons::events::Bus::new",
        "tokio::spawn",
    ];
    assert_eq!(found, expected);
}
