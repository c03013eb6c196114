//! What `doctor` says of language models: which a server here would use, and how they answer.

use std::fmt::Write as _;

use legwork_server::config::Llm;
use legwork_server::model::{Answered, Examined, examine};

use super::finding;
use crate::checkup::Finding;
use crate::checkup::Health::{Fail, Warn, Well};
use crate::environment::Environment;
use crate::resolve::unused_key;

/// Asks each model something tiny, and says what the environment has to offer beside them.
pub(super) async fn findings(llm: Option<&Llm>, environment: &Environment) -> Vec<Finding> {
    let Some(llm) = llm else {
        return vec![finding(
            Well,
            "model",
            "off: answers are sentences of documents and pages, chosen by their words",
        )];
    };
    let found = examine(llm).await;
    let mut told = match &found {
        Ok(examined) => examined.iter().map(one).collect(),
        Err(why) if llm.is_named() => vec![finding(Fail, "model", why.join("; "))],
        Err(why) => {
            let says = format!(
                "none: answers are sentences of documents and pages, chosen by their words ({})",
                why.join("; ")
            );
            vec![finding(Well, "model", says)]
        }
    };
    if !llm.is_named() {
        told.extend(unused_key(environment).map(|says| finding(Warn, "model", says)));
    }
    told
}

fn one(examined: &Examined) -> Finding {
    let Examined { model, answered } = examined;
    match answered {
        Err(why) => finding(Fail, "model", why),
        Ok(Answered { after, way, context, is_counted }) => {
            let mut says = format!("{model} answered after {:.1} s; JSON by {way}", after.as_secs_f64());
            match context {
                Some(context) => drop(write!(says, "; {context} tokens in and out")),
                None => says.push_str("; nobody says how many tokens it takes: --llm-context does"),
            }
            if !is_counted {
                says.push_str("; what it takes is estimated, since it does not say it");
            }
            finding(Well, "model", says)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use legwork_api::secret::Secret;

    use super::*;
    use crate::checkup;
    use crate::render::Style;

    #[tokio::test]
    async fn what_is_there_is_said_and_what_could_be() {
        let nowhere = Llm { usual: Vec::new(), ..Llm::default() };
        let model_keys = [("OPENAI_API_KEY", Secret::from("sk-secret".to_owned()))].into();
        let environment = Environment { model_keys, ..Environment::default() };
        let mut found = findings(None, &environment).await;
        found.extend(findings(Some(&nowhere), &environment).await);
        let answered = |context, is_counted| Examined {
            model: "qwen3:8b at http://127.0.0.1:11434".to_owned(),
            answered: Ok(Answered {
                after: Duration::from_millis(812),
                way: "response_format json_schema",
                context,
                is_counted,
            }),
        };
        found.push(one(&answered(Some(4096), true)));
        found.push(one(&answered(None, false)));
        let why = "the language model qwen3:8b at http://h gave no answer: it answers with 401: bad key".to_owned();
        found.push(one(&Examined { model: "qwen3:8b at http://h".to_owned(), answered: Err(why) }));
        insta::assert_snapshot!(checkup::lines(&found, Style::default()));
    }
}
