//! What the files of a pack say about its network.

use serde::Deserialize;

/// `config.json`, as far as it decides anything here.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Config {
    pub(crate) model_type: String,
    pub(crate) hidden_act: String,
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) layer_norm_eps: f32,
    pub(crate) max_position_embeddings: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) num_hidden_layers: usize,
    pub(crate) type_vocab_size: usize,
    pub(crate) vocab_size: usize,
    #[serde(default = "absolute")]
    position_embedding_type: String,
}

fn absolute() -> String {
    "absolute".to_owned()
}

impl Config {
    /// Why this network cannot be computed here, if it cannot.
    pub(crate) fn objection(&self) -> Option<String> {
        let sizes = [
            self.hidden_size,
            self.intermediate_size,
            self.num_attention_heads,
            self.num_hidden_layers,
            self.type_vocab_size,
            self.vocab_size,
        ];
        if self.model_type != "bert" {
            return Some(format!("its model_type is {:?}, and only \"bert\" is known", self.model_type));
        }
        if self.hidden_act != "gelu" {
            return Some(format!("its hidden_act is {:?}, and only \"gelu\" is known", self.hidden_act));
        }
        if self.position_embedding_type != "absolute" {
            return Some("its positions are not absolute ones".to_owned());
        }
        if sizes.contains(&0)
            || self.max_position_embeddings < 3
            || !self.hidden_size.is_multiple_of(self.num_attention_heads)
        {
            return Some("its sizes do not fit together".to_owned());
        }
        None
    }
}

/// `sentence_bert_config.json`: how much of a text is looked at.
#[derive(Default, Deserialize)]
pub(crate) struct Reach {
    pub(crate) max_seq_length: Option<usize>,
}

/// `1_Pooling/config.json`: how the vectors of tokens become one.
#[derive(Deserialize)]
pub(crate) struct Pooling {
    pub(crate) pooling_mode_mean_tokens: bool,
}
