//! `#[terrace::simulate]`: a scenario as a test.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::parse::Parse;
use syn::{Expr, ExprArray, ExprLit, FnArg, ItemFn, Lit, LitInt, LitStr, ReturnType};

use crate::marks::{skip_value, unknown};
use crate::mistakes::Mistakes;
use crate::options::check_model;
use crate::spelling::written;

const FORM: &str = "write a scenario as `async fn name(world: World)`";

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
    let parser = syn::meta::parser(|meta| {
        let taken = options.take(&meta);
        mistakes.take(taken);
        skip_value(&meta)
    });
    let read = syn::parse::Parser::parse2(parser, arguments);
    mistakes.take(read);
    let form = |error: syn::Error| syn::Error::new(error.span(), format!("{error}: {FORM}"));
    let Some(scenario) = mistakes.take(syn::parse2::<ItemFn>(item).map_err(form)) else {
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
        let name = written(&meta.path);
        let twice = match name.as_str() {
            "model" => self.model.is_some(),
            "seeds" => self.seeds.is_some(),
            "sometimes" => !self.sometimes.is_empty(),
            _ => return Err(meta.error(unknown("option", &name, &KNOWN))),
        };
        if twice {
            return Err(meta.error(format!("`{name}` is given twice: keep one")));
        }
        match name.as_str() {
            "model" => {
                let model: LitStr = value(meta, "is a text in quotes: `model = \"asynchronous\"`")?;
                check_model(&model)?;
                self.model = Some(model);
            }
            "seeds" => {
                let seeds: LitInt = value(meta, "is a number: `seeds = 200`")?;
                if seeds.base10_parse::<u64>()? == 0 {
                    return Err(syn::Error::new(seeds.span(), "no seed is no test: give at least 1"));
                }
                self.seeds = Some(seeds);
            }
            _ => {
                let listed: ExprArray = value(meta, "is a list: `sometimes = [\"a call was retried\"]`")?;
                for name in listed.elems {
                    self.sometimes.push(text(name)?);
                }
            }
        }
        Ok(())
    }
}

/// The value of an option, or what it should look like.
fn value<T: Parse>(meta: &ParseNestedMeta<'_>, form: &str) -> syn::Result<T> {
    let name = written(&meta.path);
    let value = meta.value().and_then(|value| value.parse());
    value.map_err(|error| syn::Error::new(error.span(), format!("`{name}` {form}")))
}

fn text(name: Expr) -> syn::Result<LitStr> {
    match name {
        Expr::Lit(ExprLit {
            lit: Lit::Str(name), ..
        }) => Ok(name),
        other => {
            let message = "the names given to `sometimes!` are texts in quotes";
            Err(syn::Error::new_spanned(other, message))
        }
    }
}

/// What a scenario looks like.
fn judge(scenario: &ItemFn, mistakes: &mut Mistakes) {
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

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use proc_macro2::TokenStream;

    use super::expand;

    const SCENARIO: &str = "async fn holds(world: World) {}";

    /// What the attribute makes of a scenario. It is exported by `terrace` only with the feature `simulate`, so its
    /// messages are held here and not with those of the other macros.
    fn check(options: &str, scenario: &str, expected: &[&str]) {
        let tokens = |text: &str| TokenStream::from_str(text).expect("tokens");
        let made = expand(tokens(options), tokens(scenario)).to_string();
        // A message is a literal.
        let said = made.replace("\\\"", "\"");
        for expected in expected {
            assert!(said.contains(expected), "{options} {scenario}: {said}");
        }
        let (errors, expected) = (made.matches("compile_error").count(), expected.len());
        assert_eq!(
            errors,
            if made.contains("compile_error") { expected } else { 0 },
            "{said}"
        );
    }

    #[test]
    fn a_scenario_becomes_a_test_with_its_options() {
        for part in [
            "model (\"asynchronous + omission\")",
            "seeds (20)",
            "sometimes (\"a\") . sometimes (\"b\")",
            "prelude :: v1 :: test",
            "module_path",
        ] {
            let options = "model = \"asynchronous + omission\", seeds = 20, sometimes = [\"a\", \"b\"]";
            let tokens = |text: &str| TokenStream::from_str(text).expect("tokens");
            let made = expand(tokens(options), tokens(SCENARIO)).to_string();
            let plain = |text: &str| text.replace(' ', "");
            assert!(plain(&made).contains(&plain(part)), "{part}: {made}");
        }
    }

    #[test]
    fn each_mistake_in_a_scenario_says_how_it_is_written() {
        const FORM: &str = "write a scenario as `async fn name(world: World)`";
        check(
            "",
            "fn holds(world: World) {}",
            &["a scenario waits for its world: write"],
        );
        check(
            "",
            "async fn holds() {}",
            &["a scenario takes the world and nothing else: write"],
        );
        check(
            "",
            "async fn holds(world: World, seed: u64) {}",
            &["takes the world and nothing else"],
        );
        check(
            "",
            "async fn holds<T>(world: World) {}",
            &["a scenario is not generic: write"],
        );
        check(
            "",
            "async fn holds(world: World) -> bool { true }",
            &["returns nothing, and says what is wrong by"],
        );
        check("", "struct Bank;", &[FORM]);
        // All of one scenario at once.
        check(
            "seed = 3",
            "fn holds() {}",
            &["did you mean `seeds`?", "waits for its world", "nothing else"],
        );
    }

    #[test]
    fn each_mistake_in_an_option_says_what_it_is_to_be() {
        for (options, expected) in [
            (
                "seed = 3",
                "`seed` is no option; did you mean `seeds`? the options are `model`, `seeds`, `sometimes`",
            ),
            ("colour = 3", "`colour` is no option; the options are"),
            ("seeds = 0", "no seed is no test: give at least 1"),
            ("seeds = \"many\"", "`seeds` is a number: `seeds = 200`"),
            ("seeds", "`seeds` is a number: `seeds = 200`"),
            ("seeds = 1, seeds = 2", "`seeds` is given twice: keep one"),
            ("model = web", "`model` is a text in quotes"),
            ("model = \"webb\"", "`webb` is no system model; did you mean `web`?"),
            ("model = \"byzantine\"", "write how many may lie, as in `byzantine(1)`"),
            (
                "sometimes = \"a\"",
                "`sometimes` is a list: `sometimes = [\"a call was retried\"]`",
            ),
            ("sometimes = [a]", "the names given to `sometimes!` are texts in quotes"),
        ] {
            check(options, SCENARIO, &[expected]);
        }
    }
}
