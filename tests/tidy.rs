//! The project's invariants that no compiler checks: who may name whom, how files open, how long they get.
//! Forbidden words are put together from halves in here, so that this file obeys its own rules.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A text file: its path in the project with `/` between folders, and its lines.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Line numbers and lines without those that are only comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    fn under(&self, folder: &str) -> bool {
        self.path.starts_with(&format!("{folder}/"))
    }
}

/// Every text file of the project, build results and what git keeps for itself excepted.
fn project() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut sources, mut folders) = (Vec::new(), vec![root.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            let name = path.file_name().unwrap().to_string_lossy();
            if path.is_dir() && name != "target" && name != ".git" {
                folders.push(path);
            } else if path.is_file()
                && name != ".git"
                && let Ok(text) = fs::read_to_string(&path)
            {
                let path = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                sources.push(Source { path, text });
            }
        }
    }
    assert!(sources.iter().any(|source| source.path == "src/lib.rs"), "the walk found no sources");
    sources
}

fn rust() -> impl Iterator<Item = Source> {
    project().into_iter().filter(|source| source.path.ends_with(".rs"))
}

/// Fails with all findings at once.
fn report(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}

/// Reports every line of code that `forbidden` matches in `sources`.
fn forbid(rule: &str, sources: impl Iterator<Item = Source>, forbidden: impl Fn(&str) -> bool) {
    let lines = |source: Source| -> Vec<String> {
        let found = source.code().filter(|(_, line)| forbidden(line));
        found.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())).collect()
    };
    report(rule, &sources.flat_map(lines).collect::<Vec<_>>());
}

/// Whether `word` stands in `line` by itself, not as a part of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    let part_of_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word)
        .any(|(start, _)| !line[..start].ends_with(part_of_name) && !line[start + word.len()..].starts_with(part_of_name))
}

#[test]
fn only_device_gpu_knows_wgpu() {
    let others = rust().filter(|source| source.under("src") && !source.under("src/device/gpu"));
    forbid("wgpu is named outside src/device/gpu", others, |line| {
        line.contains(concat!("wgpu", "::")) || line.contains(concat!("use ", "wgpu"))
    });
}

/// Numbers of the lines with a path through the module `ops`; the one of `std` and `core` is another matter.
fn paths_through_ops(source: &Source) -> Vec<usize> {
    let code: String =
        source.lines().map(|(_, line)| if line.trim_start().starts_with("//") { "\n".into() } else { format!("{line}\n") }).collect();
    let ours = |&(start, _): &(usize, &str)| {
        let before = &code[..start];
        let statement = before.rsplit([';', '}']).next().unwrap_or_default();
        let of_std = ["std::", "core::"].iter().any(|root| before.ends_with(root) || statement.contains(&format!("use {root}")));
        !of_std && !before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
    };
    code.match_indices(concat!("ops", "::")).filter(ours).map(|(start, _)| code[..start].matches('\n').count() + 1).collect()
}

#[test]
fn devices_name_no_op() {
    let devices = rust().filter(|source| source.under("src/device"));
    let findings: Vec<_> =
        devices.flat_map(|source| paths_through_ops(&source).into_iter().map(move |line| format!("{}:{line}", source.path))).collect();
    report("src/device names an op", &findings);
}

#[test]
fn layers_name_no_device() {
    let layers = rust().filter(|source| source.under("src/layers") || source.path == "src/layers.rs");
    forbid("a layer names a device", layers, |line| line.contains(concat!("device", "::")) || has_word(line, concat!("Dev", "ice")));
}

#[test]
fn ops_define_no_macros() {
    let ops = rust().filter(|source| source.under("src/ops") || source.path == "src/ops.rs");
    forbid("a macro under src/ops", ops, |line| line.contains(concat!("macro", "_rules!")));
}

#[test]
fn shaders_that_take_fused_ops_import_what_these_may_call() {
    let takes = |source: &Source| source.text.contains("// <begin finish>") || source.text.contains("// <begin load>");
    let lacks =
        |source: &Source| ["math", "half", "random"].iter().any(|library| !source.text.contains(&format!("// <begin use {library}>")));
    let shaders = project().into_iter().filter(|source| source.under("shaders") && takes(source) && lacks(source));
    report("a shader with fused ops lacks a library", &shaders.map(|source| source.path).collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_for_later() {
    let unfinished = [concat!("to", "do!("), concat!("unimple", "mented!(")];
    forbid("unfinished code", rust(), |line| unfinished.iter().any(|word| line.contains(word)));
}

/// The opening comment's first paragraph, if the file opens with one.
fn opening<'a>(source: &'a Source, mark: &str) -> Option<String> {
    let words: Vec<&'a str> =
        source.text.lines().map_while(|line| line.strip_prefix(mark)).map(str::trim).take_while(|line| !line.is_empty()).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

#[test]
fn every_file_opens_with_a_sentence() {
    let opens = |source: &Source| {
        let mark = if source.path.ends_with(".wgsl") { "//" } else { "//!" };
        opening(source, mark).is_some_and(|text| text.ends_with(['.', ':']) && text.split(' ').count() > 2)
    };
    let sources = project().into_iter().filter(|source| source.path.ends_with(".rs") || source.path.ends_with(".wgsl"));
    let findings: Vec<_> = sources.filter(|source| !opens(source)).map(|source| source.path).collect();
    report("files that do not open with a sentence (`//!` in Rust, `//` in WGSL) that says what they are", &findings);
}

#[test]
fn no_file_names_a_path_outside_the_project() {
    let relative = concat!("..", "/shared");
    let absolute = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tm", "p/")];
    let inside_a_path = |letter: char| letter.is_alphanumeric() || "_-./}~".contains(letter);
    let outside = |line: &str| {
        line.contains(relative)
            || absolute.iter().any(|path| line.match_indices(path).any(|(start, _)| !line[..start].ends_with(inside_a_path)))
    };
    let lines = |source: Source| -> Vec<String> {
        let found = source.lines().filter(|(_, line)| outside(line));
        found.map(|(number, _)| format!("{}:{number}", source.path)).collect()
    };
    report("a path outside the project", &project().into_iter().flat_map(lines).collect::<Vec<_>>());
}

#[test]
fn layers_are_short() {
    let layers = rust().filter(|source| source.under("src/layers"));
    let mut lengths: Vec<_> = layers.map(|source| (source.text.lines().count(), source.path)).collect();
    lengths.sort();
    let long: Vec<_> = lengths.iter().filter(|(length, _)| *length > 300).map(|(length, path)| format!("{path}: {length} lines")).collect();
    report("layer files of more than 300 lines", &long);
    if let Some((median, _)) = lengths.get(lengths.len() / 2) {
        assert!(*median <= 150, "the median of layer files is {median} lines, more than 150");
    }
}

#[test]
fn the_rules_find_what_they_look_for() {
    assert!(has_word("let x = Apple::new();", "Apple") && !has_word("let x = Pineapple;", "apple") && !has_word("Apples", "Apple"));
    let source = |text: &str| Source { path: "x.rs".into(), text: text.into() };
    assert_eq!(opening(&source("//! Two\n//! lines.\n//!\n//! More.\nfn main() {}"), "//!").as_deref(), Some("Two lines."));
    assert_eq!(opening(&source("fn main() {}\n//! Late."), "//!"), None);
    assert_eq!(source("// a\n  // b\nlet c = 1; // d").code().collect::<Vec<_>>(), [(3, "let c = 1; // d")]);
    let ours = concat!("use crate::{\n    ops", "::add,\n};\nlet x = ops", "::mul(y);\nlet z = crate::ops", "::mul(y);");
    assert_eq!(paths_through_ops(&source(ours)), [2, 4, 5]);
    let theirs = concat!("use std::{\n    ops", "::Range,\n};\nuse std::ops", "::Add;\nimpl std::ops", "::Mul for X {}\nprops", "::x();");
    assert_eq!(paths_through_ops(&source(theirs)), [0; 0]);
}
