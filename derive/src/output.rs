//! What the derives write.

use crate::input::{Class, Field, Kind, Role, argument, inside, taken};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, LitStr, Result, Token, Variant, punctuated::Punctuated, spanned::Spanned};

/// Everything for a class.
pub fn class(class: &Class, kind: &Kind) -> TokenStream {
    let parts = [config(class, kind), shares(class), constructor(class), setters(class), entries(class, kind), children(class, kind)];
    parts.into_iter().collect()
}

/// A path inside wgrad.
fn inside_wgrad(path: &str) -> TokenStream {
    let parts = path.split("::").map(|part| format_ident!("{part}"));
    quote!(::wgrad #(:: #parts)*)
}

/// Where the class comes from: wgrad's own are Keras', others belong to a package.
fn package(class: &Class) -> TokenStream {
    let is_wgrad = std::env::var("CARGO_CRATE_NAME").is_ok_and(|name| name == "wgrad");
    let package = class.package.clone().or_else(|| (!is_wgrad).then(|| "Custom".to_owned()));
    package.map_or_else(|| quote!(::core::option::Option::None), |package| quote!(::core::option::Option::Some(#package)))
}

/// `Config` and `FromConfig`: the options to JSON and back.
fn config(class: &Class, kind: &Kind) -> TokenStream {
    let (ident, (generics, types, _)) = (&class.item.ident, class.item.generics.split_for_impl());
    let (module, package) = (kind.module, package(class));
    let name = if class.ranks.is_empty() {
        let name = &class.name;
        quote!(#name)
    } else {
        let arms = class.ranks.iter().map(|rank| {
            let name =
                if class.name.contains("{}") { class.name.replace("{}", &rank.to_string()) } else { format!("{}{rank}D", class.name) };
            quote!(#rank => #name,)
        });
        quote!(match N { #(#arms)* _ => ::core::panic!("no such rank") })
    };
    let written = class.fields.iter().map(|Field { ident, key, role, .. }| match role {
        Role::Option => quote!(out.insert(#key.into(), ::wgrad::config::Value::to_json(&self.#ident));),
        Role::Flatten => quote!(::wgrad::config::Flatten::write(&self.#ident, out);),
        Role::Weight => quote!(::wgrad::layers::Weight::write_options(&self.#ident, #key, out);),
        Role::Skip => TokenStream::new(),
    });
    let read = class.fields.iter().map(|field| {
        let (ident, key, start) = (field.ident, &field.key, field.start());
        match field.role {
            Role::Option if field.is_argument && field.default.is_none() => quote!(let #ident = fields.required(#key);),
            Role::Option => quote!(let #ident = ::core::option::Option::Some(fields.take(#key).unwrap_or_else(|| #start));),
            Role::Flatten if field.default.is_some() => quote!(let #ident = ::wgrad::config::Flatten::read_over(#start, fields);),
            Role::Flatten => quote!(let #ident = ::wgrad::config::Flatten::read(fields);),
            Role::Weight => quote!(let #ident = ::core::option::Option::Some(::wgrad::layers::Weight::read_options(#start, #key, fields));),
            Role::Skip => quote!(let #ident = ::core::option::Option::Some(#start);),
        }
    });
    let arguments = class.arguments().map(|field| &field.key);
    let idents = class.fields.iter().map(|field| field.ident);
    let made = if class.is_unit { quote!(Self) } else { quote!(Self { #(#idents: #idents?,)* }) };
    quote! {
        impl #generics ::wgrad::config::FromConfig for #ident #types {
            const CLASS: ::wgrad::config::Class = ::wgrad::config::Class { module: #module, name: #name, package: #package };

            fn from_options(fields: &mut ::wgrad::config::Fields<'_>) -> ::core::option::Option<Self> {
                let _ = &fields;
                #(#read)*
                ::core::option::Option::Some(#made)
            }
        }

        impl #generics ::wgrad::config::Config for #ident #types {
            fn class(&self) -> &'static ::wgrad::config::Class {
                const { &<Self as ::wgrad::config::FromConfig>::CLASS }
            }

            fn options(&self, out: &mut ::wgrad::config::Options) {
                let _ = &out;
                #(#written)*
            }

            fn constructor(&self) -> &'static [&'static str] {
                &[#(#arguments),*]
            }
        }
    }
}

/// The options that the class shares with others.
fn shares(class: &Class) -> TokenStream {
    let (item, (generics, types, _)) = (&class.item.ident, class.item.generics.split_for_impl());
    let flattened = class.fields.iter().filter(|field| field.role == Role::Flatten);
    let part = |Field { ident, ty, .. }: &Field| {
        quote! {
            impl #generics ::wgrad::config::Shares<#ty> for #item #types {
                fn shared(&self) -> &#ty {
                    &self.#ident
                }

                fn shared_mut(&mut self) -> &mut #ty {
                    &mut self.#ident
                }
            }
        }
    };
    flattened.map(part).collect()
}

/// `new`, and `Default` where `new` takes nothing.
fn constructor(class: &Class) -> TokenStream {
    if !class.has_constructor || class.is_unit {
        return TokenStream::new();
    }
    let (ident, (generics, types, _)) = (&class.item.ident, class.item.generics.split_for_impl());
    let names = class.arguments().map(|field| &field.argument);
    let arguments = class.arguments().map(|field| argument(field.ty));
    let values = class.fields.iter().map(|field| {
        let (ident, argument) = (field.ident, &field.argument);
        let value = if field.is_argument { taken(field.ty, quote!(#argument)) } else { field.start() };
        quote!(#ident: #value,)
    });
    let has_arguments = class.arguments().next().is_some();
    let docs: Vec<String> = if has_arguments {
        let described = class.arguments().map(|field| format!("- `{}`: {}", field.argument, first_sentence(field)));
        ["With Keras' defaults beside:".to_owned(), String::new()].into_iter().chain(described).collect()
    } else {
        vec!["With Keras' defaults.".to_owned()]
    };
    let default = (!has_arguments).then(|| {
        quote! {
            impl #generics ::core::default::Default for #ident #types {
                fn default() -> Self {
                    Self::new()
                }
            }
        }
    });
    quote! {
        impl #generics #ident #types {
            #(#[doc = #docs])*
            pub fn new(#(#names: #arguments),*) -> Self {
                Self { #(#values)* }
            }
        }

        #default
    }
}

/// The first line of a field's documentation.
fn first_sentence(field: &Field) -> String {
    let text = field.docs.first().and_then(|attribute| attribute.meta.require_name_value().ok()).map(|meta| &meta.value);
    match text {
        Some(syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. })) => text.value().trim().to_owned(),
        _ => String::new(),
    }
}

/// A setter for each option, with its field's documentation.
fn setters(class: &Class) -> TokenStream {
    let (ident, (generics, types, _)) = (&class.item.ident, class.item.generics.split_for_impl());
    let setters = class.fields.iter().filter(|field| field.has_setter).map(|field| {
        let Field { ident, docs, .. } = field;
        let (argument, value) = (argument(field.ty), taken(field.ty, quote!(#ident)));
        quote! {
            #(#docs)*
            #[must_use = "a setter returns the changed options"]
            pub fn #ident(mut self, #ident: #argument) -> Self {
                self.#ident = #value;
                self
            }
        }
    });
    let weights = class.fields.iter().filter(|field| field.role == Role::Weight).flat_map(weight_setters);
    let setters: Vec<_> = setters.chain(weights).collect();
    if setters.is_empty() {
        return TokenStream::new();
    }
    quote! {
        impl #generics #ident #types {
            #(#setters)*
        }
    }
}

/// The three setters of a weight.
fn weight_setters(Field { ident, key, .. }: &Field) -> [TokenStream; 3] {
    let kinds = [
        ("initializer", "initializers::Initializer", format!("How `{ident}` starts.")),
        ("regularizer", "regularizers::Regularizer", format!("What `{ident}` adds to the loss.")),
        ("constraint", "constraints::Constraint", format!("Where `{ident}` is brought back to after each step.")),
    ];
    kinds.map(|(kind, path, docs)| {
        let (setter, set, path) = (format_ident!("{key}_{kind}"), format_ident!("set_{kind}"), inside_wgrad(path));
        quote! {
            #[doc = #docs]
            #[must_use = "a setter returns the changed options"]
            pub fn #setter(mut self, #setter: impl ::core::convert::Into<::wgrad::config::Object<dyn #path>>) -> Self {
                self.#ident.#set(#setter);
                self
            }
        }
    })
}

/// The entries by which files find the class, one for each rank.
fn entries(class: &Class, kind: &Kind) -> TokenStream {
    let (ident, kind, aliases) = (&class.item.ident, inside_wgrad(kind.path), &class.aliases);
    let types: Vec<TokenStream> =
        if class.ranks.is_empty() { vec![quote!(#ident)] } else { class.ranks.iter().map(|rank| quote!(#ident<#rank>)).collect() };
    let entry = |ty: TokenStream| {
        quote! {
            ::wgrad::config::submit! {
                ::wgrad::config::Entry::<dyn #kind> {
                    class: &<#ty as ::wgrad::config::FromConfig>::CLASS,
                    aliases: &[#(#aliases),*],
                    read: |fields| {
                        let read: ::core::option::Option<#ty> = ::wgrad::config::FromConfig::from_options(fields);
                        read.map(|made| ::std::boxed::Box::new(made) as ::std::boxed::Box<dyn #kind>)
                    },
                }
            }
        }
    };
    types.into_iter().map(entry).collect()
}

/// The layers inside a layer, by field.
fn children(class: &Class, kind: &Kind) -> TokenStream {
    if kind.attribute != "layer" {
        return TokenStream::new();
    }
    let is_layer =
        |ty: &syn::Type| matches!(ty, syn::Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "LayerRef"));
    let found = class.fields.iter().filter_map(|Field { ident, ty, key, child, .. }| {
        let key = child.as_ref().unwrap_or(key);
        if is_layer(ty) {
            Some(quote!(out.push((::std::string::String::from(#key), ::core::clone::Clone::clone(&self.#ident)));))
        } else if inside(ty, "Option").is_some_and(is_layer) {
            Some(quote!(out.extend(self.#ident.iter().map(|layer| (::std::string::String::from(#key), ::core::clone::Clone::clone(layer))));))
        } else if inside(ty, "Vec").is_some_and(is_layer) {
            Some(quote!(out.extend(::wgrad::layers::numbered(#key, &self.#ident));))
        } else {
            None
        }
    });
    let (found, ident, (generics, types, _)) = (found.collect::<Vec<_>>(), &class.item.ident, class.item.generics.split_for_impl());
    let body = if found.is_empty() {
        quote!(::std::vec::Vec::new())
    } else {
        quote! {
            let mut out = ::std::vec::Vec::new();
            #(#found)*
            out
        }
    };
    quote! {
        impl #generics ::wgrad::layers::Children for #ident #types {
            fn children(&self) -> ::std::vec::Vec<(::std::string::String, ::wgrad::layers::LayerRef)> {
                #body
            }
        }
    }
}

/// `Value` of an enum whose variants are strings in files.
pub fn choice(item: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &item.data else { return Err(Error::new(item.span(), "an enum of names was expected")) };
    let idents: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let all = data.variants.iter().map(choice_names).collect::<Result<Vec<_>>>()?;
    let names: Vec<&String> = all.iter().flat_map(|names| names.first()).collect();
    let arms = idents
        .iter()
        .zip(&all)
        .map(|(ident, names)| quote!(::core::option::Option::Some(#(#names)|*) => ::core::option::Option::Some(Self::#ident),));
    let ident = &item.ident;
    Ok(quote! {
        impl ::wgrad::config::Value for #ident {
            fn to_json(&self) -> ::wgrad::config::Json {
                match self { #(Self::#idents => #names,)* }.into()
            }

            fn from_json(json: &::wgrad::config::Json, reader: &mut ::wgrad::config::Reader) -> ::core::option::Option<Self> {
                match json.as_str() {
                    #(#arms)*
                    _ => reader.one_of(json, &[#(#names),*]),
                }
            }
        }
    })
}

/// A variant's strings, that which is written first: `ChannelsLast` is `channels_last`.
fn choice_names(variant: &Variant) -> Result<Vec<String>> {
    if let Some(given) = variant.attrs.iter().find(|attribute| attribute.path().is_ident("choice")) {
        let names = given.parse_args_with(Punctuated::<LitStr, Token![,]>::parse_terminated)?;
        return Ok(names.iter().map(LitStr::value).collect());
    }
    let mut out = String::new();
    for (at, letter) in variant.ident.to_string().chars().enumerate() {
        if letter.is_uppercase() && at > 0 {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    Ok(vec![out])
}
