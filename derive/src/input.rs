//! What a derive reads: the struct, its fields, and their attributes.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, Field as SynField, Fields, GenericParam, Ident, LitBool, LitInt, LitStr, Result, Token,
    Type, parenthesized, punctuated::Punctuated, spanned::Spanned,
};

/// Which derive it is.
pub struct Kind {
    pub attribute: &'static str,
    /// The trait, inside wgrad.
    pub path: &'static str,
    /// Keras' module of such classes.
    pub module: &'static str,
}

/// A struct of options.
pub struct Class<'a> {
    pub item: &'a DeriveInput,
    /// Keras' class name; of all ranks without the rank.
    pub name: String,
    pub package: Option<String>,
    /// The ranks of a struct with `const N: usize`.
    pub ranks: Vec<usize>,
    pub aliases: Vec<String>,
    pub has_constructor: bool,
    pub is_unit: bool,
    pub fields: Vec<Field<'a>>,
}

/// What a field is for.
#[derive(PartialEq, Eq)]
pub enum Role {
    Option,
    Flatten,
    Skip,
    /// A weight whose initializer, regularizer and constraint are options.
    Weight,
}

/// A field and its attributes.
pub struct Field<'a> {
    pub ident: &'a Ident,
    pub ty: &'a Type,
    pub docs: Vec<&'a Attribute>,
    pub role: Role,
    pub key: String,
    /// The name of the layer inside, in files of weights.
    pub child: Option<String>,
    pub is_argument: bool,
    /// Its name as an argument.
    pub argument: Ident,
    pub default: Option<Expr>,
    pub has_setter: bool,
}

impl<'a> Class<'a> {
    pub fn read(item: &'a DeriveInput, kind: &Kind) -> Result<Self> {
        let Data::Struct(data) = &item.data else { return Err(Error::new(item.span(), "a struct of options was expected")) };
        let fields: Vec<&SynField> = match &data.fields {
            Fields::Named(fields) => fields.named.iter().collect(),
            Fields::Unit => Vec::new(),
            Fields::Unnamed(fields) => return Err(Error::new(fields.span(), "options have names: use a struct with named fields")),
        };
        let mut class = Self {
            item,
            name: item.ident.to_string(),
            package: None,
            ranks: Vec::new(),
            aliases: Vec::new(),
            has_constructor: true,
            is_unit: matches!(data.fields, Fields::Unit),
            fields: fields.into_iter().map(|field| Field::read(field, kind)).collect::<Result<_>>()?,
        };
        for attribute in item.attrs.iter().filter(|attribute| attribute.path().is_ident(kind.attribute)) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("package") {
                    class.package = Some(meta.value()?.parse::<LitStr>()?.value());
                } else if meta.path.is_ident("name") {
                    class.name = meta.value()?.parse::<LitStr>()?.value();
                } else if meta.path.is_ident("constructor") {
                    class.has_constructor = meta.value()?.parse::<LitBool>()?.value();
                } else if meta.path.is_ident("rank") {
                    let list;
                    parenthesized!(list in meta.input);
                    let ranks = Punctuated::<LitInt, Token![,]>::parse_terminated(&list)?;
                    class.ranks = ranks.iter().map(LitInt::base10_parse).collect::<Result<_>>()?;
                } else if meta.path.is_ident("alias") {
                    let list;
                    parenthesized!(list in meta.input);
                    class.aliases = Punctuated::<LitStr, Token![,]>::parse_terminated(&list)?.iter().map(LitStr::value).collect();
                } else {
                    return Err(meta.error("expected package, name, rank, alias or constructor"));
                }
                Ok(())
            })?;
        }
        let is_const = |parameter: &GenericParam| matches!(parameter, GenericParam::Const(_));
        if item.generics.params.len() != usize::from(!class.ranks.is_empty()) || !item.generics.params.iter().all(is_const) {
            return Err(Error::new(item.generics.span(), "a class has no parameters, or `const N: usize` and the attribute `rank`"));
        }
        Ok(class)
    }

    /// The arguments of `new`.
    pub fn arguments(&self) -> impl Iterator<Item = &Field<'a>> {
        self.fields.iter().filter(|field| field.is_argument)
    }
}

impl<'a> Field<'a> {
    fn read(field: &'a SynField, kind: &Kind) -> Result<Self> {
        let ident = field.ident.as_ref().ok_or_else(|| Error::new(field.span(), "an option has a name"))?;
        let docs = field.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).collect();
        let key = ident.to_string();
        let key = key.strip_prefix("r#").map(str::to_owned).unwrap_or(key);
        let mut out = Self {
            ident,
            ty: &field.ty,
            docs,
            role: Role::Option,
            key,
            child: None,
            is_argument: false,
            argument: ident.clone(),
            default: None,
            has_setter: true,
        };
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident(kind.attribute)) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("new") {
                    out.is_argument = true;
                    if meta.input.peek(Token![=]) {
                        out.argument = meta.value()?.parse::<LitStr>()?.parse()?;
                    }
                } else if meta.path.is_ident("default") {
                    out.default = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("key") {
                    out.key = meta.value()?.parse::<LitStr>()?.value();
                } else if meta.path.is_ident("child") {
                    out.child = Some(meta.value()?.parse::<LitStr>()?.value());
                } else if meta.path.is_ident("setter") {
                    out.has_setter = meta.value()?.parse::<LitBool>()?.value();
                } else if meta.path.is_ident("start") {
                    out.role = Role::Weight;
                    out.default = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("flatten") {
                    out.role = Role::Flatten;
                } else if meta.path.is_ident("skip") || meta.path.is_ident("weight") {
                    out.role = Role::Skip;
                } else {
                    return Err(meta.error("expected new, default, key, child, setter, start, flatten, skip or weight"));
                }
                Ok(())
            })?;
        }
        if out.role == Role::Flatten {
            out.key = out.argument.to_string();
        }
        out.has_setter &= out.role == Role::Option && !out.is_argument;
        Ok(out)
    }

    /// What is taken for it where nothing is set.
    pub fn start(&self) -> TokenStream {
        let Some(value) = &self.default else { return quote!(::core::default::Default::default()) };
        if self.role == Role::Weight {
            return quote!(::wgrad::layers::Weight::starting(#value));
        }
        let (value, ty) = (taken(self.ty, quote!(#value)), self.ty);
        quote!({
            let start: #ty = #value;
            start
        })
    }
}

/// The type inside `outer<…>`.
pub fn inside<'t>(ty: &'t Type, outer: &str) -> Option<&'t Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == outer)?;
    let syn::PathArguments::AngleBracketed(list) = &last.arguments else { return None };
    match list.args.first()? {
        syn::GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}

/// Whether literals of it need no help to find their type.
fn is_plain(ty: &Type) -> bool {
    const PLAIN: [&str; 14] = ["bool", "usize", "isize", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64", "char"];
    matches!(ty, Type::Path(path) if path.path.get_ident().is_some_and(|ident| PLAIN.iter().any(|name| ident == name)))
}

/// The type that a setter or constructor takes for a field of type `ty`.
pub fn argument(ty: &Type) -> TokenStream {
    let ty = inside(ty, "Option").unwrap_or(ty);
    if is_plain(ty) { quote!(#ty) } else { quote!(impl ::core::convert::Into<#ty>) }
}

/// The field's value made of such an argument.
pub fn taken(ty: &Type, value: TokenStream) -> TokenStream {
    let optional = inside(ty, "Option");
    let value = if is_plain(optional.unwrap_or(ty)) { value } else { quote!(::core::convert::Into::into(#value)) };
    if optional.is_some() { quote!(::core::option::Option::Some(#value)) } else { value }
}
