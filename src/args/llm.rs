//! What can be said about language models, by option or by variable.

use std::num::{NonZeroU32, NonZeroUsize};

/// Which language models are asked.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Language models")]
pub(crate) struct LlmArgs {
    /// Where language models are: openai, openrouter, anthropic, gemini, mistral, groq, deepseek, together, fireworks, xai,
    /// ollama, llamacpp, vllm, lmstudio, or the base URL of anything that speaks OpenAI's chat completions; `off` uses none
    /// [default: a server on this machine that answers where Ollama or llama.cpp do].
    #[arg(long, value_name = "NAME|URL|off", env = "LEGWORK_LLM")]
    pub(crate) llm: Option<String>,
    /// The base URL, if it is not the usual one of what `--llm` names.
    #[arg(long, value_name = "URL", env = "LEGWORK_LLM_BASE_URL")]
    pub(crate) llm_base_url: Option<String>,
    /// The model for everything that no other is named for [default: the first that a server on this machine lists].
    #[arg(long, value_name = "MODEL", env = "LEGWORK_LLM_MODEL")]
    pub(crate) llm_model: Option<String>,
    /// The key to show there, or `@FILE` with it [default: for a named place its usual variable, such as `OPENAI_API_KEY`].
    #[arg(long, value_name = "KEY", env = "LEGWORK_LLM_API_KEY", hide_env_values = true)]
    pub(crate) llm_api_key: Option<String>,
    /// The model that reads: many calls, so a cheap one.
    #[arg(long, value_name = "MODEL", env = "LEGWORK_LLM_READER_MODEL")]
    pub(crate) llm_reader_model: Option<String>,
    /// Where that is, if it is elsewhere.
    #[arg(long, value_name = "NAME|URL", env = "LEGWORK_LLM_READER")]
    pub(crate) llm_reader: Option<String>,
    /// The key to show there, or `@FILE` with it.
    #[arg(long, value_name = "KEY", env = "LEGWORK_LLM_READER_API_KEY", hide_env_values = true)]
    pub(crate) llm_reader_api_key: Option<String>,
    /// The model that plans, and judges what was found.
    #[arg(long, value_name = "MODEL", env = "LEGWORK_LLM_PLANNER_MODEL")]
    pub(crate) llm_planner_model: Option<String>,
    /// Where that is, if it is elsewhere.
    #[arg(long, value_name = "NAME|URL", env = "LEGWORK_LLM_PLANNER")]
    pub(crate) llm_planner: Option<String>,
    /// The key to show there, or `@FILE` with it.
    #[arg(long, value_name = "KEY", env = "LEGWORK_LLM_PLANNER_API_KEY", hide_env_values = true)]
    pub(crate) llm_planner_api_key: Option<String>,
    /// The model that writes texts.
    #[arg(long, value_name = "MODEL", env = "LEGWORK_LLM_WRITER_MODEL")]
    pub(crate) llm_writer_model: Option<String>,
    /// Where that is, if it is elsewhere.
    #[arg(long, value_name = "NAME|URL", env = "LEGWORK_LLM_WRITER")]
    pub(crate) llm_writer: Option<String>,
    /// The key to show there, or `@FILE` with it.
    #[arg(long, value_name = "KEY", env = "LEGWORK_LLM_WRITER_API_KEY", hide_env_values = true)]
    pub(crate) llm_writer_api_key: Option<String>,
    /// How many calls one place has at a time [default: 1 on this machine, 4 elsewhere].
    #[arg(long, value_name = "COUNT", env = "LEGWORK_LLM_CONCURRENCY")]
    pub(crate) llm_concurrency: Option<NonZeroUsize>,
    /// How many tokens the models take in and give out together [default: what the place says; 4096 at Ollama, which cuts off
    /// silently what is longer].
    #[arg(long, value_name = "TOKENS", env = "LEGWORK_LLM_CONTEXT")]
    pub(crate) llm_context: Option<NonZeroU32>,
    /// How long one call may take [default: 300].
    #[arg(long, value_name = "SECONDS", env = "LEGWORK_LLM_TIMEOUT")]
    pub(crate) llm_timeout: Option<f64>,
    /// What a model costs in US dollars, per million tokens in and out; may be given several times.
    #[arg(
        long = "llm-price",
        value_name = "MODEL=IN/OUT",
        env = "LEGWORK_LLM_PRICES",
        value_delimiter = ',',
        value_parser = price
    )]
    pub(crate) llm_prices: Vec<(String, PriceArg)>,
}

/// What a million tokens cost.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceArg {
    /// Of what is asked.
    pub(crate) input: f64,
    /// Of what is answered.
    pub(crate) output: f64,
}

fn price(text: &str) -> Result<(String, PriceArg), String> {
    let form = || "write MODEL=IN/OUT, for example gpt-4.1-mini=0.4/1.6".to_owned();
    let (model, price) = text.rsplit_once('=').ok_or_else(form)?;
    let (input, output) = price.split_once('/').ok_or_else(form)?;
    let dollars = |text: &str| {
        let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        number.ok_or_else(|| format!("`{text}` is no number of dollars"))
    };
    Ok((model.to_owned(), PriceArg { input: dollars(input)?, output: dollars(output)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_two_numbers_behind_a_model() {
        let read = price("qwen/qwen3=8b=0.1/0.4").unwrap();
        assert_eq!(read, ("qwen/qwen3=8b".to_owned(), PriceArg { input: 0.1, output: 0.4 }));
        for odd in ["m", "m=1", "m=1/x", "m=-1/1", "m=1/inf"] {
            assert!(price(odd).is_err(), "{odd}");
        }
    }
}
