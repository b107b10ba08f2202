//! `#[terrace::simulate]`: a scenario as a test.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::{Expr, ExprLit, FnArg, ItemFn, Lit, LitInt, LitStr, ReturnType};

use crate::marks::unknown;
use crate::mistakes::Mistakes;
use crate::spelling::written;

const KNOWN: [&str; 3] = ["model", "seeds", "sometimes"];

/// What stands in the parentheses.
#[derive(Default)]
struct Options {
    model: Option<LitStr>,
    seeds: Option<LitInt>,
    sometimes: Vec<LitStr>,
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let mut options = Options::default();
    let parser = syn::meta::parser(|meta| options.take(&meta));
    let read = syn::parse::Parser::parse2(parser, arguments);
    mistakes.take(read);
    let Some(scenario) = mistakes.take(syn::parse2::<ItemFn>(item)) else {
        return mistakes
            .into_result()
            .err()
            .map(|error| error.into_compile_error())
            .unwrap_or_default();
    };
    judge(&scenario, &mut mistakes);
    match mistakes.into_result() {
        Ok(()) => emit(&scenario, &options),
        Err(error) => error.into_compile_error(),
    }
}

impl Options {
    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if meta.path.is_ident("model") {
            self.model = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("seeds") {
            let seeds: LitInt = meta.value()?.parse()?;
            if seeds.base10_parse::<u64>()? == 0 {
                return Err(syn::Error::new(seeds.span(), "no seed is no test: give at least 1"));
            }
            self.seeds = Some(seeds);
        } else if meta.path.is_ident("sometimes") {
            let listed: syn::ExprArray = meta.value()?.parse()?;
            for name in listed.elems {
                match name {
                    Expr::Lit(ExprLit {
                        lit: Lit::Str(name), ..
                    }) => self.sometimes.push(name),
                    other => {
                        let message = "the names given to `sometimes!` are texts in quotes";
                        return Err(syn::Error::new_spanned(other, message));
                    }
                }
            }
        } else {
            return Err(meta.error(unknown("option", &written(&meta.path), &KNOWN)));
        }
        Ok(())
    }
}

/// What a scenario looks like.
fn judge(scenario: &ItemFn, mistakes: &mut Mistakes) {
    const FORM: &str = "write a scenario as `async fn name(world: World)`";
    let signature = &scenario.sig;
    if signature.asyncness.is_none() {
        mistakes.add(signature.fn_token, format!("a scenario waits for its world: {FORM}"));
    }
    if !signature.generics.params.is_empty() {
        mistakes.add(&signature.generics, format!("a scenario is not generic: {FORM}"));
    }
    if signature.inputs.len() != 1 || signature.inputs.iter().any(|input| matches!(input, FnArg::Receiver(_))) {
        mistakes.add(
            &signature.ident,
            format!("a scenario takes the world and nothing else: {FORM}"),
        );
    }
    if let ReturnType::Type(_, output) = &signature.output {
        mistakes.add(
            output,
            format!("a scenario returns nothing, and says what is wrong by `world.check(..)`: {FORM}"),
        );
    }
}

fn emit(scenario: &ItemFn, options: &Options) -> TokenStream {
    let attributes = &scenario.attrs;
    let name = &scenario.sig.ident;
    let body = {
        let mut body = scenario.clone();
        body.attrs.clear();
        body.vis = syn::Visibility::Inherited;
        body
    };
    let model = options.model.iter().map(|model| quote!(.model(#model)));
    let seeds = options.seeds.iter().map(|seeds| quote!(.seeds(#seeds)));
    let sometimes = options.sometimes.iter().map(|name| quote!(.sometimes(#name)));
    quote! {
        #(#attributes)*
        #[::core::prelude::v1::test]
        fn #name() {
            #body
            let scenario = ::terrace::simulation::Scenario::new(::core::stringify!(#name), #name)
                #(#model)* #(#seeds)* #(#sometimes)*;
            ::terrace::simulation::test(
                scenario,
                ::core::env!("CARGO_MANIFEST_DIR"),
                ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name)),
            );
        }
    }
}
