//! `legwork answer`: answers what a run asked, so that it goes on.

use std::io::{self, Read as _};

use legwork_server::config::Role;
use serde_json::Value;

use super::Settings;
use crate::args::AnswerArgs;
use crate::exit::{Exit, Failure};
use crate::{print, render};

pub(super) async fn run(args: AnswerArgs, settings: Settings) -> Result<Exit, Failure> {
    let answer = answer(&args.answer)?;
    let station = settings.station(args.target, Role::Api).await?;
    let run = station.once(async |client| client.answer_question(args.id, &answer).await).await?;
    print::data(&if args.json { render::json(&run)? } else { format!("{} is {}\n", run.run_id, run.status) })?;
    Ok(Exit::Done)
}

fn answer(words: &[String]) -> Result<Value, Failure> {
    let mut text = words.join(" ");
    if text == "-" {
        text.clear();
        io::stdin().read_to_string(&mut text)?;
    }
    Ok(read(text.trim()))
}

/// What is JSON is meant as that; anything else is a text.
fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_json_or_else_a_text() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (typed, meant) in [
            ("Illinois", json!("Illinois")),
            ("the first one", json!("the first one")),
            ("42", json!(42)),
            ("\"42\"", json!("42")),
            ("{\"state\": \"IL\"}", json!({"state": "IL"})),
            ("yes", json!("yes")),
            ("true", json!(true)),
        ] {
            assert_eq!(answer(&words(typed)).unwrap(), meant, "{typed}");
        }
    }
}
