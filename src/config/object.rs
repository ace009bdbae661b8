//! Objects in configs: an initializer, a loss, a layer, found by class name among all that are registered.

use super::{Class, Config, Fields, Json, Options, Reader, Value};
use std::{fmt, ops::Deref, sync::Arc};

/// A registered class of a kind: a line that its derive writes.
pub struct Entry<K: ?Sized> {
    /// By what files find it.
    pub class: &'static Class,
    /// Strings that mean it with its defaults, beside its name in small letters.
    pub aliases: &'static [&'static str],
    /// Makes it of its options.
    pub read: fn(&mut Fields<'_>) -> Option<Box<K>>,
}

/// A kind of objects: `dyn Initializer`, `dyn Loss` and so on.
pub trait Kind: Config {
    /// What one is, for messages.
    const WHAT: &'static str;

    /// All registered classes of the kind.
    fn entries() -> impl Iterator<Item = &'static Entry<Self>>;

    /// The object that `json` describes, as Keras' `deserialize`: an object, or the name of a class or of its function.
    fn from_json(json: &Json, reader: &mut Reader) -> Option<Box<Self>> {
        let function = if json["class_name"] == "function" { &json["config"] } else { json };
        if let Some(name) = function.as_str() {
            let named =
                |entry: &&Entry<Self>| entry.class.name == name || snake_case(entry.class.name) == name || entry.aliases.contains(&name);
            let Some(entry) = Self::entries().find(named) else { return unknown::<Self, _>(name, reader) };
            return Fields::read(Options::new(), reader, entry.read);
        }
        let Some(written) = Written::of(json) else { return reader.expected(format_args!("{} as an object or a name", Self::WHAT), json) };
        let entry = written.find(reader)?;
        Fields::read(written.options, reader, entry.read)
    }
}

fn unknown<K: Kind + ?Sized, T>(name: impl fmt::Display, reader: &mut Reader) -> Option<T> {
    reader.refuse(format_args!("unknown {} {name}; a class of your own is found once its crate is linked", K::WHAT))
}

/// An object as files hold it: class and options apart.
pub(crate) struct Written {
    pub class_name: String,
    pub registered_name: Option<String>,
    pub options: Options,
}

impl Written {
    pub fn of(json: &Json) -> Option<Self> {
        let options = match json.get("config") {
            Some(Json::Object(options)) => options.clone(),
            None | Some(Json::Null) => Options::new(),
            Some(_) => return None,
        };
        let text = |key| json.get(key).and_then(Json::as_str).map(str::to_owned);
        Some(Self { class_name: text("class_name")?, registered_name: text("registered_name"), options })
    }

    /// The registered class that it names.
    pub fn find<K: Kind + ?Sized>(&self, reader: &mut Reader) -> Option<&'static Entry<K>> {
        let registered = self.registered_name.as_deref().filter(|name| name.contains('>'));
        let found = K::entries().find(|entry| match registered {
            Some(name) => entry.class.registered_name().as_deref() == Some(name),
            None => {
                let name = self.class_name.as_str();
                entry.class.package.is_none() && (entry.class.name == name || entry.aliases.contains(&name))
            }
        });
        found.or_else(|| unknown::<K, _>(registered.unwrap_or(&self.class_name), reader))
    }

    /// As it stands in a file.
    pub fn json(class: &Class, options: Options) -> Json {
        serde_json::json!({
            "module": if class.package.is_some() { "builtins" } else { class.module },
            "class_name": class.name,
            "config": options,
            "registered_name": class.registered_name(),
        })
    }
}

/// A shared object of a kind, as options hold it. Made by `into()` from anything of that kind.
pub struct Object<K: ?Sized>(Arc<K>);

impl<K: ?Sized> Object<K> {
    /// Shares `object`.
    pub fn new(object: Arc<K>) -> Self {
        Self(object)
    }
}

impl<K: ?Sized> Clone for Object<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: ?Sized> Deref for Object<K> {
    type Target = K;
    fn deref(&self) -> &K {
        &self.0
    }
}

impl<K: ?Sized + fmt::Debug> fmt::Debug for Object<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<K: ?Sized> From<&Object<K>> for Object<K> {
    fn from(object: &Object<K>) -> Self {
        object.clone()
    }
}

impl<K: Kind + ?Sized> Value for Object<K> {
    fn to_json(&self) -> Json {
        let mut options = Options::new();
        self.options(&mut options);
        Written::json(self.class(), options)
    }

    fn from_json(json: &Json, reader: &mut Reader) -> Option<Self> {
        K::from_json(json, reader).map(|object| Object(object.into()))
    }
}

/// Makes a trait a kind of objects.
macro_rules! kind {
    ($kind:path, $what:literal) => {
        inventory::collect!(crate::config::Entry<dyn $kind>);

        impl crate::config::Kind for dyn $kind {
            const WHAT: &'static str = $what;

            fn entries() -> impl Iterator<Item = &'static crate::config::Entry<Self>> {
                inventory::iter::<crate::config::Entry<dyn $kind>>.into_iter()
            }
        }

        impl<T: $kind> From<T> for crate::config::Object<dyn $kind> {
            fn from(object: T) -> Self {
                crate::config::Object::new(std::sync::Arc::new(object))
            }
        }
    };
}
pub(crate) use kind;

/// Keras' names of objects: `Conv2D` is `conv2d`, `MaxPooling2D` `max_pooling2d`, `BatchNormalization` `batch_normalization`.
pub(crate) fn snake_case(class: &str) -> String {
    let letters: Vec<char> = class.chars().collect();
    let mut out = String::new();
    for (at, &letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let word = letter.is_uppercase() && before.is_some_and(|before| before.is_lowercase());
        let ends_run = letter.is_uppercase() && before.is_some() && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if word || ends_run {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn layers_are_named_as_in_keras() {
        let names = ["Conv2D", "MaxPooling2D", "BatchNormalization", "Dense", "GlobalAveragePooling2D", "ReLU", "PReLU", "LSTM"];
        let expected = ["conv2d", "max_pooling2d", "batch_normalization", "dense", "global_average_pooling2d", "re_lu", "p_re_lu", "lstm"];
        assert_eq!(names.map(snake_case), expected);
        let names = ["Conv2DTranspose", "R2Score", "OneHotMeanIoU", "KLDivergence"];
        assert_eq!(names.map(snake_case), ["conv2d_transpose", "r2_score", "one_hot_mean_io_u", "kl_divergence"]);
    }
}
