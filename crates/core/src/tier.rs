//! The eighteen processors that the Task API names, and what the rules need to know of each.

/// A strength of researcher. Each has a `-fast` twin under the same rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tier {
    /// The name without `-fast`.
    pub name: &'static str,
    /// How many output fields it is meant for; more is worth a warning.
    pub fields: usize,
    /// How long its runs hold a worker.
    pub weight: Weight,
}

/// How long the runs of a tier hold a worker; what the worker's slots are shared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// A minute or so.
    Light,
    /// Minutes.
    Middle,
    /// Up to hours.
    Heavy,
}

/// All tiers, weakest first.
pub const TIERS: [Tier; 9] = [
    Tier { name: "lite", fields: 2, weight: Weight::Light },
    Tier { name: "base", fields: 5, weight: Weight::Light },
    Tier { name: "core", fields: 10, weight: Weight::Middle },
    Tier { name: "core2x", fields: 10, weight: Weight::Middle },
    Tier { name: "pro", fields: 20, weight: Weight::Heavy },
    Tier { name: "ultra", fields: 20, weight: Weight::Heavy },
    Tier { name: "ultra2x", fields: 25, weight: Weight::Heavy },
    Tier { name: "ultra4x", fields: 25, weight: Weight::Heavy },
    Tier { name: "ultra8x", fields: 25, weight: Weight::Heavy },
];

impl Tier {
    /// The tier a processor's name belongs to; `None` when it is none of the eighteen.
    pub fn of(processor: &str) -> Option<&'static Self> {
        let name = processor.strip_suffix("-fast").unwrap_or(processor);
        TIERS.iter().find(|tier| tier.name == name)
    }

    /// The eighteen names, each tier followed by its fast twin.
    pub fn names() -> impl Iterator<Item = String> {
        TIERS.iter().flat_map(|tier| [tier.name.to_owned(), format!("{}-fast", tier.name)])
    }

    /// From pro on: progress is kept unless the caller says otherwise, and an output of no given form is an object.
    pub fn is_deep(&self) -> bool {
        self.weight == Weight::Heavy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_eighteen_names_and_each_finds_its_tier() {
        let names: Vec<_> = Tier::names().collect();
        assert_eq!(names.len(), 18);
        assert!(names.iter().all(|name| Tier::of(name).is_some()));
        for odd in ["", "fast", "lite-fast-fast", "Lite", "ultra16x"] {
            assert_eq!(Tier::of(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn events_are_kept_from_pro_on() {
        let deep: Vec<_> = TIERS.iter().filter(|tier| tier.is_deep()).map(|tier| tier.name).collect();
        assert_eq!(deep, ["pro", "ultra", "ultra2x", "ultra4x", "ultra8x"]);
    }
}
