//! Command-line arguments of the examples: `--name value` pairs and `--flags`, nothing more.

/// The arguments that this program was started with.
pub struct Args(Vec<String>);

impl Args {
    /// Reads them; an argument that is not among `known` ends the program with the list of those that are.
    pub fn parse(known: &[&str]) -> Self {
        let args: Vec<String> = std::env::args().skip(1).collect();
        if let Some(unknown) = args.iter().find(|arg| arg.starts_with("--") && !known.contains(&&arg[..])) {
            eprintln!("unknown argument {unknown}; known are {}", known.join(" "));
            std::process::exit(2);
        }
        Self(args)
    }

    #[allow(dead_code, reason = "not every example has flags")]
    /// Whether the flag `name` was given.
    pub fn flag(&self, name: &str) -> bool {
        self.0.iter().any(|arg| arg == name)
    }

    /// What follows `name`, if it was given.
    pub fn text(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|arg| arg == name)?;
        self.0.get(at + 1).map(String::as_str)
    }

    #[allow(dead_code, reason = "not every example takes lists")]
    /// All arguments behind `name`.
    pub fn rest(&self, name: &str) -> Vec<&str> {
        self.0.iter().skip_while(|arg| *arg != name).skip(1).map(String::as_str).collect()
    }

    #[allow(dead_code, reason = "not every example takes numbers")]
    /// The number that follows `name`, else `default`.
    pub fn number<T: std::str::FromStr>(&self, name: &str, default: T) -> T {
        let Some(text) = self.text(name) else { return default };
        text.parse().unwrap_or_else(|_| {
            eprintln!("{name} takes a number, not {text:?}");
            std::process::exit(2);
        })
    }
}
