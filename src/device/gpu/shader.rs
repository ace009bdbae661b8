//! Composes a kernel's WGSL from a shader file.
//!
//! A shader file is valid WGSL by itself. Between a line `// <begin NAME>` and a line `// <end NAME>` stands a
//! default body that [`compose`] replaces by generated text. A block named `use LIBRARY` is replaced by those
//! items of `shaders/lib/LIBRARY.wgsl` that the rest of the text mentions; its default body holds stand-ins. What stands
//! between markers in a library is a stand-in too, for what the shader file declares.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::{Error, Result};

/// The pieces that shader files can import.
const LIBRARY: &[(&str, &str)] = &[
    ("half", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/lib/half.wgsl"))),
    ("math", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/lib/math.wgsl"))),
    ("exponentials", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/lib/exponentials.wgsl"))),
    ("random", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/lib/random.wgsl"))),
];

/// One kernel: a composed WGSL source with the entry point `main`. Cheap to clone; equal sources share a pipeline.
#[derive(Clone)]
pub struct Kernel(Arc<Source>);

struct Source {
    name: String,
    text: String,
    key: u64,
}

impl Kernel {
    /// A kernel from a complete WGSL source.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let mut hasher = std::hash::DefaultHasher::new();
        text.hash(&mut hasher);
        Self(Arc::new(Source { name: name.into(), key: hasher.finish(), text }))
    }

    /// The name that errors and traces show.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The composed WGSL.
    pub fn source(&self) -> &str {
        &self.0.text
    }

    /// The same with the halves of format `half` (`f16` or `bf16`) in the storage buffer at `binding` instead of `f32` or `vec4<f32>`:
    /// whatever reads it widens. A buffer that is declared otherwise knows what it holds.
    pub fn with_halves(self, binding: usize, half: &str) -> Self {
        let declared = format!("@binding({binding}) var<storage, read> ");
        let text = self.source();
        let Some((before, rest)) = text.split_once(&declared) else { return self };
        let Some(((name, element), rest)) = rest.split_once(";").and_then(|(buffer, rest)| Some((buffer.split_once(": ")?, rest))) else {
            return self;
        };
        let wide = |word: &str| format!("f32_of_{half}({word} & 0xffffu), f32_of_{half}({word} >> 16u)");
        let (stored, result, body) = match element {
            "array<f32>" => ("u32", "f32", format!("return f32_of_{half}(({name}[i / 2u] >> (i % 2u * 16u)) & 0xffffu);")),
            "array<vec4<f32>>" => {
                let body = format!("let words = {name}[i];\n    return vec4({}, {});", wide("words.x"), wide("words.y"));
                ("vec2<u32>", "vec4<f32>", body)
            }
            _ => return self,
        };
        let read = format!("wide_{name}");
        let mut out = calls(before, name, &read) + &declared + &format!("{name}: array<{stored}>;") + &calls(rest, name, &read);
        out += &format!("fn {read}(i: u32) -> {result} {{\n    {body}\n}}\n");
        if !text.contains("fn f32_of_") {
            out.insert_str(0, &used_items(&items(LIBRARY[0].1), &out));
        }
        Self::new(self.name(), out)
    }

    /// A hash of the source.
    pub fn key(&self) -> u64 {
        self.0.key
    }
}

impl PartialEq for Kernel {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.key == other.0.key && self.0.text == other.0.text)
    }
}

impl Eq for Kernel {}

impl Hash for Kernel {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kernel {} ({:016x})", self.0.name, self.0.key)
    }
}

/// Composes a shader file into a kernel: fills its blocks from `replacements`, then its `use` blocks.
///
/// # Errors
/// A replacement without a block, a block that does not end, or an unknown library.
pub fn compose(name: &str, file: &str, replacements: &[(&str, &str)]) -> Result<Kernel> {
    let fail = |text: String| Error::invalid(format!("kernel {name}: {text}"));
    let mut unused: BTreeSet<&str> = replacements.iter().map(|(block, _)| *block).collect();
    let mut text = String::with_capacity(file.len());
    let mut uses: Vec<(usize, &str)> = Vec::new();
    let mut lines = file.lines();
    while let Some(line) = lines.next() {
        let Some(block) = marker(line, "begin") else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        let library = block.strip_prefix("use ").map(str::trim);
        let replacement = replacements.iter().find(|(wanted, _)| *wanted == block).map(|(_, text)| *text);
        if let Some(library) = library {
            uses.push((text.len(), library));
        } else if let Some(replacement) = replacement {
            unused.remove(block);
            text.push_str(replacement);
            text.push('\n');
        }
        loop {
            let inner = lines.next().ok_or_else(|| fail(format!("block {block:?} has no end line")))?;
            if marker(inner, "end") == Some(block) {
                break;
            }
            if library.is_none() && replacement.is_none() {
                text.push_str(inner);
                text.push('\n');
            }
        }
    }
    if let Some(block) = unused.first() {
        return Err(fail(format!("its file has no block {block:?} to replace")));
    }
    let mut library_items = Vec::new();
    for &(_, library) in &uses {
        let (_, body) = LIBRARY.iter().find(|(known, _)| *known == library).ok_or_else(|| fail(format!("no library {library:?}")))?;
        library_items.extend(items(body));
    }
    if let Some(&(position, _)) = uses.first() {
        text.insert_str(position, &used_items(&library_items, &text));
    }
    Ok(Kernel::new(name, text))
}

/// The block that a line `// <begin NAME>` or `// <end NAME>` names.
fn marker<'a>(line: &'a str, which: &str) -> Option<&'a str> {
    line.trim().strip_prefix("// <")?.strip_suffix('>')?.strip_prefix(which)?.strip_prefix(' ').map(str::trim)
}

/// The functions and constants of a library: name and text, comments and stand-ins left out.
fn items(library: &str) -> Vec<(&str, String)> {
    let mut items: Vec<(&str, String)> = Vec::new();
    let mut in_block = false;
    for line in library.lines() {
        in_block = (in_block || marker(line, "begin").is_some()) && marker(line, "end").is_none();
        if in_block || line.trim_start().starts_with("//") || line.trim().is_empty() {
            continue;
        }
        let declared = ["fn ", "const ", "struct "].iter().find_map(|keyword| line.strip_prefix(keyword));
        if let Some(rest) = declared {
            items.push((identifiers(rest).next().unwrap_or_default(), String::new()));
        }
        if let Some((_, text)) = items.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    items
}

/// The items that `text` mentions and those that they mention; WGSL needs no order of declaration.
fn used_items(items: &[(&str, String)], text: &str) -> String {
    let mut wanted: BTreeSet<&str> = identifiers(text).collect();
    let mut included = BTreeSet::new();
    let mut used = String::new();
    loop {
        let before = included.len();
        for (name, body) in items {
            if wanted.contains(name) && included.insert(name) {
                used.push_str(body);
                wanted.extend(identifiers(body));
            }
        }
        if included.len() == before {
            return used;
        }
    }
}

/// `text` with each `name[index]` as `call(index)`.
fn calls(text: &str, name: &str, call: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(&format!("{name}[")) {
        let (before, inner) = (&rest[..at], &rest[at + name.len() + 1..]);
        out += before;
        if before.ends_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '_') {
            out += &rest[at..at + name.len() + 1]; // the end of a longer name
            rest = inner;
            continue;
        }
        let mut depth = 1;
        let end = inner.find(|letter| {
            depth += i32::from(letter == '[') - i32::from(letter == ']');
            depth == 0
        });
        let end = end.expect("brackets are closed in a shader");
        out += &format!("{call}({})", calls(&inner[..end], name, call));
        rest = &inner[end + 1..];
    }
    out + rest
}

fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').filter(|word| !word.is_empty())
}

#[cfg(all(test, feature = "gpu"))]
mod tests {
    use super::{
        super::reflect::{StorageBuffer, with_writable},
        *,
    };

    const FILE: &str = "struct Args { count: u32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4<f32>>;
// <begin use math>
fn sigmoid(x: f32) -> f32 { return x; }
// <end use math>
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < args.count {
        // <begin body>
        output[id.x] = vec4<f32>(sigmoid(input[id.x]));
        // <end body>
    }
}
";

    #[test]
    fn a_file_is_valid_alone_and_composed() {
        let alone = Kernel::new("alone", FILE).reflect().unwrap();
        let composed = compose("composed", FILE, &[]).unwrap();
        assert_eq!(alone, composed.reflect().unwrap());
        assert_eq!(alone.args, 4);
        assert_eq!(alone.workgroup_size, [64, 1, 1]);
        assert_eq!(alone.buffers[1], StorageBuffer { min_size: 16, write: true });
        assert!(composed.source().contains("exp"), "the import replaced the stand-in");
        assert!(!composed.source().contains("fn erf"), "only what is used is imported");
    }

    #[test]
    fn blocks_are_replaced_and_imports_follow_the_replacement() {
        let kernel = compose("replaced", FILE, &[("body", "output[id.x] = vec4<f32>(erf(2.0));")]).unwrap();
        assert!(kernel.source().contains("fn erf") && !kernel.source().contains("fn sigmoid"));
        kernel.reflect().unwrap();
        assert_ne!(kernel, compose("replaced", FILE, &[]).unwrap());
    }

    #[test]
    fn mistakes_are_named() {
        let unknown = compose("k", FILE, &[("missing", "")]).unwrap_err();
        assert!(unknown.to_string().contains("\"missing\""), "{unknown}");
        let wrong = compose("k", FILE, &[("body", "output[id.x] = nothing;")]).unwrap().reflect().unwrap_err();
        assert!(wrong.to_string().contains("kernel k") && wrong.to_string().contains("nothing"), "{wrong}");
        let library = compose("k", "// <begin use nowhere>\n// <end use nowhere>\n", &[]).unwrap_err();
        assert!(library.to_string().contains("nowhere"), "{library}");
        let binding = Kernel::new("k", FILE.replace("@binding(2)", "@binding(3)")).reflect().unwrap_err();
        assert!(binding.to_string().contains("binding 2"), "{binding}");
    }

    #[test]
    fn halves_are_widened_where_they_are_read() {
        let kernel = compose("k", FILE, &[("body", "let my_input = vec2(1.0);\noutput[id.x] = vec4(input[u32(input[my_input[0u]])]);")]);
        let halves = kernel.unwrap().with_halves(1, "bf16");
        let text = halves.source();
        assert!(text.contains("vec4(wide_input(u32(wide_input(my_input[0u]))))") && text.contains("fn f32_of_bf16"), "{text}");
        assert!(text.contains("@binding(1) var<storage, read> input: array<u32>;"), "{text}");
    }

    #[test]
    fn readers_of_a_written_buffer_are_declared_writable() {
        let text = with_writable(FILE, 0b01);
        assert!(text.contains("@binding(1) var<storage, read_write> input"));
        assert_eq!(with_writable(FILE, 0), FILE);
    }
}
