//! The derives behind wgrad's layers, losses, optimizers and the like: a struct of options becomes a Keras config both ways, with
//! a constructor, documented setters, and an entry under its class name by which files find it.
//!
//! Each derive has an attribute of its own name in small letters. On the struct:
//!
//! - `package = "acme"`: files call the class `acme>Name` (Keras' `register_keras_serializable`); `Custom` if not given.
//! - `name = "Name"`: Keras' class name where it is not the struct's.
//! - `rank(1, 2, 3)`: a struct with one `const N: usize` that stands for the classes `Name1D`, `Name2D` and `Name3D`; with
//!   `name = "Conv{}DTranspose"` the rank stands there instead.
//! - `alias("mse")`: strings that mean the class with its defaults, beside its name in small letters.
//! - `constructor = false`: there is no `new`; the struct brings its own.
//!
//! On a field:
//!
//! - `new`: an argument of `new`, or `new = "name"` where it is called otherwise. Files must have it, unless there is a `default`.
//! - `default = value`: its value where nothing is set; else the type's `Default`.
//! - `key = "lambda"`: its name in files, where that is not the field's.
//! - `child = "forward_layer"`: the name of a layer inside in files of weights, where that is not its name in configs.
//! - `setter = false`: it has no setter.
//! - `flatten`: a struct of options that stand among the others in files (`wgrad::config::Flatten`); those that are missing there
//!   are as in the `default`. `wgrad::config::Shares` finds them.
//! - `start = GlorotUniform::new()`: a `Weight` that starts so, with options and setters for its initializer, regularizer and constraint:
//!   of the field `kernel` they are called `kernel_initializer` and so on, with `key = "depthwise"` `depthwise_initializer`.
//! - `skip`, `weight`: not an option; starts as the type's `Default`.

mod input;
mod output;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

macro_rules! derives {
    ($($(#[$doc:meta])* $kind:ident $function:ident $attribute:ident $path:literal $module:literal;)*) => {$(
        $(#[$doc])*
        #[proc_macro_derive($kind, attributes($attribute))]
        pub fn $function(item: TokenStream) -> TokenStream {
            let item = parse_macro_input!(item as DeriveInput);
            let kind = input::Kind { attribute: stringify!($attribute), path: $path, module: $module };
            let tokens = input::Class::read(&item, &kind).map(|class| output::class(&class, &kind));
            tokens.unwrap_or_else(syn::Error::into_compile_error).into()
        }
    )*};
}

derives! {
    /// Config of a layer; fields of type `LayerRef`, `Option<LayerRef>` and `Vec<LayerRef>` are the layers inside it.
    Layer layer layer "layers::Layer" "keras.layers";
    /// Config of a loss.
    Loss loss loss "losses::Loss" "keras.losses";
    /// Config of a metric.
    Metric metric metric "metrics::Metric" "keras.metrics";
    /// Config of an optimizer.
    Optimizer optimizer optimizer "optimizers::Optimizer" "keras.optimizers";
    /// Config of a learning rate schedule.
    Schedule schedule schedule "schedules::Schedule" "keras.optimizers.schedules";
    /// Config of an initializer.
    Initializer initializer initializer "initializers::Initializer" "keras.initializers";
    /// Config of a regularizer.
    Regularizer regularizer regularizer "regularizers::Regularizer" "keras.regularizers";
    /// Config of a constraint.
    Constraint constraint constraint "constraints::Constraint" "keras.constraints";
}

/// Strings of Keras for the variants of an enum: their names in small letters with `_` between words, or those of
/// `#[choice("name", "other")]`, of which the first is written.
#[proc_macro_derive(Choice, attributes(choice))]
pub fn choice(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    output::choice(&item).unwrap_or_else(syn::Error::into_compile_error).into()
}
