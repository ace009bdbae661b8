//! Vocabularies: tokens and their places, and how both are found in data.

use super::fingerprint::{Salt, bin};
use crate::{
    DType, Error, Result,
    config::{Choice, Value},
    data::{Array, Values},
};
use std::{
    borrow::{Borrow, Cow},
    collections::{HashMap, HashSet},
    fmt::{Debug, Display},
    hash::Hash,
    str::FromStr,
};

/// How integers outside of the vocabulary are spread over several places.
///
/// ```
/// use wgrad::{layers::OovMethod, prelude::*};
/// let layer = IntegerLookup::new().num_oov_indices(4).oov_method(OovMethod::Farmhash);
/// ```
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OovMethod {
    /// By their remainder.
    #[default]
    Floormod,
    /// By FarmHash, or by SipHash where there is a salt.
    Farmhash,
}

/// What a vocabulary holds: texts or integers.
pub trait Token: Borrow<Self::Key> + Clone + Debug + Display + Eq + FromStr + Hash + Ord + Send + Sync + Value + 'static {
    /// By which it is looked up.
    type Key: ?Sized + Eq + Hash + Ord + ToOwned<Owned = Self>;

    /// What a model has of them: text on the host, integers as a device holds them.
    const DTYPE: DType;

    /// What stands for tokens outside of a vocabulary, if nothing else is set.
    fn unknown() -> Self;

    /// The elements of an array.
    ///
    /// # Errors
    /// When they are of another type.
    fn of(array: &Array) -> Result<Cow<'_, [Self]>>;

    /// Elements of an array.
    fn values(tokens: Vec<Self>) -> Values;

    /// In which of several places one falls that is not in the vocabulary.
    fn spread(key: &Self::Key, places: usize, method: OovMethod, salt: Option<Salt>) -> i64;
}

impl Token for String {
    type Key = str;
    const DTYPE: DType = DType::Str;

    fn unknown() -> Self {
        "[UNK]".into()
    }

    fn of(array: &Array) -> Result<Cow<'_, [Self]>> {
        match array.values() {
            Values::Str(texts) => Ok(Cow::Borrowed(texts)),
            _ => Err(Error::dtype(format!("it looks up text, not {}; numbers go to an IntegerLookup", array.dtype()))),
        }
    }

    fn values(tokens: Vec<Self>) -> Values {
        tokens.into()
    }

    fn spread(key: &str, places: usize, _method: OovMethod, salt: Option<Salt>) -> i64 {
        bin(key.as_bytes(), places, salt)
    }
}

impl Token for i64 {
    type Key = i64;
    const DTYPE: DType = DType::I32;

    fn unknown() -> Self {
        -1
    }

    fn of(array: &Array) -> Result<Cow<'_, [Self]>> {
        if let Values::I64(integers) = array.values() {
            return Ok(Cow::Borrowed(integers));
        }
        let integers = array.integers().map(Iterator::collect);
        // As in Keras, fractions are cut off.
        let integers = integers.or_else(|| array.numbers().map(|numbers| numbers.map(|x| x as i64).collect()));
        integers.map(Cow::Owned).ok_or_else(|| Error::dtype("it looks up integers, not text; text goes to a StringLookup"))
    }

    fn values(tokens: Vec<Self>) -> Values {
        tokens.into()
    }

    fn spread(key: &i64, places: usize, method: OovMethod, salt: Option<Salt>) -> i64 {
        match method {
            OovMethod::Floormod => key.rem_euclid(places as i64),
            OovMethod::Farmhash => bin(key.to_string().as_bytes(), places, salt),
        }
    }
}

/// Tokens in order, and at which place each stands.
#[derive(Debug)]
pub(super) struct Vocabulary<T> {
    pub tokens: Vec<T>,
    pub places: HashMap<T, i64>,
}

impl<T: Token> Vocabulary<T> {
    /// Of different tokens, the first of which stands at place `start`.
    pub fn new(tokens: Vec<T>, start: usize) -> Result<Self> {
        let mut places = HashMap::with_capacity(tokens.len());
        let mut repeated = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            if places.insert(token.clone(), (start + at) as i64).is_some() && !repeated.contains(token) {
                repeated.push(token.clone());
            }
        }
        if repeated.is_empty() {
            return Ok(Self { tokens, places });
        }
        repeated.truncate(8);
        Err(Error::data(format!("the vocabulary has terms more than once: {repeated:?}")))
    }
}

/// How often tokens were seen, and in how many rows.
#[derive(Debug)]
pub(super) struct Counts<T> {
    seen: HashMap<T, Seen>,
    pub rows: u64,
}

#[derive(Debug, Default)]
struct Seen {
    count: u64,
    rows: u64,
    /// The last row in which it was seen, counted from 1.
    last: u64,
}

impl<T: Token> Counts<T> {
    pub fn new() -> Self {
        Self { seen: HashMap::new(), rows: 0 }
    }

    /// Begins a row.
    pub fn row(&mut self) {
        self.rows += 1;
    }

    /// Counts a token of the current row.
    pub fn add(&mut self, key: &T::Key) {
        let row = self.rows;
        let count = |seen: &mut Seen| {
            seen.count += 1;
            seen.rows += u64::from(seen.last != row);
            seen.last = row;
        };
        // Looked up by reference first: most tokens come again.
        match self.seen.get_mut(key) {
            Some(seen) => count(seen),
            None => count(self.seen.entry(key.to_owned()).or_default()),
        }
    }

    /// The most frequent ones, equal ones from high to low, without those that are `special`; and in how many rows each was.
    pub fn most_frequent(mut self, special: &[T], most: usize) -> (Vec<T>, Vec<u64>) {
        for token in special {
            self.seen.remove(token.borrow());
        }
        let mut all: Vec<(T, Seen)> = self.seen.into_iter().collect();
        all.sort_unstable_by(|(a, x), (b, y)| (y.count, b).cmp(&(x.count, a)));
        all.into_iter().take(most).map(|(token, seen)| (token, seen.rows)).unzip()
    }
}

/// Tokens as the lines of a file; nothing where they cannot stand in one.
pub(super) fn lines<T: Token>(tokens: &[T]) -> Option<Vec<u8>> {
    let lines: Vec<String> = tokens.iter().map(T::to_string).collect();
    // Python reads these as ends of lines too.
    let breaks = ['\n', '\r', '\x0b', '\x0c', '\x1c', '\x1d', '\x1e', '\u{85}', '\u{2028}', '\u{2029}'];
    let fits = lines.iter().all(|line| !line.contains(breaks)) && lines.last().is_some_and(|last| !last.is_empty());
    fits.then(|| lines.join("\n").into_bytes())
}

/// The tokens of such a file.
pub(super) fn from_lines<T: Token>(content: &[u8]) -> Result<Vec<T>> {
    let text = std::str::from_utf8(content).map_err(|error| Error::data(format!("not UTF-8: {error}")))?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let token = |line: &str| line.parse().map_err(|_| Error::data(format!("{line:?} is no token of this layer")));
    text.split('\n').map(|line| token(line.strip_suffix('\r').unwrap_or(line))).collect()
}

/// The tokens of `all` that are more than once among them or are `reserved`: none may be.
pub(super) fn check_reserved<T: Token>(tokens: &[T], reserved: &[&T]) -> Result<()> {
    let tokens: HashSet<&T> = tokens.iter().collect();
    match reserved.iter().find(|token| tokens.contains(**token)) {
        Some(token) => Err(Error::data(format!(
            "the vocabulary holds {token:?}, which stands for masked or unknown tokens: leave both out, or put them in front, the mask first"
        ))),
        None => Ok(()),
    }
}
