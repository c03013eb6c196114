//! `legwork key create`, `list`, `revoke`, `forget`: the keys of a server, for its operator. A running server follows at once;
//! without one it is done in the store.

use std::time::SystemTime;

use legwork_api::client::{Client, ClientError};
use legwork_api::key::{KeyMade, KeyPage, KeyView, KeyWish, Stands};
use legwork_core::id::KeyId;
use legwork_core::time::Micros;

use crate::args::{KeyCreateArgs, KeyListArgs, KeyNamedArgs};
use crate::exit::{Exit, Failure};
use crate::render::{Style, clean, moment};
use crate::station::Station;
use crate::verbs::Settings;
use crate::{print, render};

/// Makes a key and prints it.
pub(super) async fn create(args: KeyCreateArgs, settings: Settings) -> Result<Exit, Failure> {
    let now = Micros(0) + SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let expires_at = args.expires.map(|expiry| expiry.from(now));
    let wish = KeyWish { name: args.name, expires_at, adopt: args.adopt };
    let (made, is_first) = at(settings.operator(args.target).await?, async |station| {
        let is_first = listed(station).await?.keys.is_empty();
        Ok((station.persist(async |client| client.create_key(&wish).await).await?, is_first))
    })
    .await?;
    print::data(&if args.json { render::json(&made)? } else { made.key.clone() })?;
    print::talk(&told(&made, is_first));
    Ok(Exit::Done)
}

fn told(made: &KeyMade, is_first: bool) -> String {
    let view = &made.view;
    let until = view.expires_at.map_or("it does not expire".to_owned(), |at| format!("until {}", moment(Some(at))));
    let adopts = if view.adopts { ", with the runs of open mode" } else { "" };
    let mut told = format!("made the key {} ({}){adopts}; {until}\n", clean(&view.name), view.id);
    told.push_str("it is shown only now: nothing but its digest is kept");
    if is_first {
        told.push_str("\nit is the first key of this store: from now on its server refuses whoever shows none");
    }
    told
}

/// Lists the keys, one a line.
pub(super) async fn list(args: KeyListArgs, settings: Settings) -> Result<Exit, Failure> {
    let page = at(settings.operator(args.target).await?, async |station| listed(station).await).await?;
    print::data(&if args.json { render::json(&page)? } else { table(&page, print::style()) })?;
    Ok(Exit::Done)
}

/// Takes a key back.
pub(super) async fn revoke(args: KeyNamedArgs, settings: Settings) -> Result<Exit, Failure> {
    let revoked = at(settings.operator(args.target).await?, async |station| {
        let id = find(&listed(station).await?, &args.key, Stands::Good)?;
        station.persist(async |client| client.revoke_key(id).await).await
    })
    .await?;
    if args.json {
        print::data(&render::json(&revoked)?)?;
    }
    print::talk(&format!("{} ({}) is revoked, and opens nothing any more", clean(&revoked.name), revoked.id));
    Ok(Exit::Done)
}

/// Removes a key that opens nothing any more.
pub(super) async fn forget(args: KeyNamedArgs, settings: Settings) -> Result<Exit, Failure> {
    let left = at(settings.operator(args.target).await?, async |station| {
        let id = find(&listed(station).await?, &args.key, Stands::Revoked)?;
        station.persist(async |client| client.forget_key(id).await).await?;
        listed(station).await
    })
    .await?;
    if args.json {
        print::data(&render::json(&left)?)?;
    }
    print::talk("it is forgotten; its runs stay");
    if left.keys.is_empty() {
        print::talk(
            "it was the last key of this store: a server that is given no other is everybody's on this machine",
        );
    }
    Ok(Exit::Done)
}

/// Does something at a station, and leaves it however that ends.
async fn at<T>(mut station: Station, work: impl AsyncFnOnce(&mut Station) -> Result<T, Failure>) -> Result<T, Failure> {
    let done = work(&mut station).await;
    station.leave().await?;
    done
}

/// The keys. That is what is asked first, so a server that lets nobody at its keys says so here.
async fn listed(station: &mut Station) -> Result<KeyPage, Failure> {
    station.persist(async |client: &Client| client.keys().await).await.map_err(explained)
}

fn explained(refused: Failure) -> Failure {
    let hint = "keys are made on the machine of the server, by whoever can read its store: legwork key create NAME \
                --store FOLDER";
    match refused.error.downcast_ref::<ClientError>().and_then(ClientError::status) {
        Some(401 | 403) => Failure { exit: Exit::Auth, ..refused }.hint(hint),
        Some(404 | 405) => refused.hint(hint),
        _ => refused,
    }
}

/// The key of this id or name; of several of one name the one that stands so, if it is the only one.
fn find(page: &KeyPage, named: &str, stands: Stands) -> Result<KeyId, Failure> {
    let of_name: Vec<&KeyView> = page.keys.iter().filter(|key| key.name == named || key.id == named).collect();
    let meant: Vec<&KeyView> = of_name.iter().copied().filter(|key| key.status == stands).collect();
    let hint = "`legwork key list` shows them all";
    match (&*of_name, &*meant) {
        ([key], _) | (_, [key]) => key.id.parse().map_err(|odd| Failure::new(Exit::Api, odd)),
        ([], _) => Err(Failure::said(Exit::BadInput, format!("there is no key {}", clean(named))).hint(hint)),
        _ => {
            let several = format!("there are {} keys {}: say which by its id", of_name.len(), clean(named));
            Err(Failure::said(Exit::BadInput, several).hint(hint))
        }
    }
}

/// The keys in columns.
fn table(page: &KeyPage, style: Style) -> String {
    if page.keys.is_empty() {
        return "no keys\n".to_owned();
    }
    let row = |name: &str, id: &str, key: &str, status: &str, created: &str, expires: &str, runs: &str| {
        [name, id, key, status, created, expires, runs].map(str::to_owned)
    };
    let head = row("NAME", "ID", "KEY", "STATUS", "CREATED", "EXPIRES", "RUNS");
    let rows = page.keys.iter().map(|key| {
        let ending = format!("lw_…{}", clean(&key.ending));
        let expires = key.expires_at.map_or("never".to_owned(), |at| moment(Some(at)));
        let runs = if key.adopts { "adopted" } else { "its own" };
        row(
            &clean(&key.name),
            &clean(&key.id),
            &ending,
            &key.status.to_string(),
            &moment(key.created_at),
            &expires,
            runs,
        )
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    let wide: Vec<usize> =
        (0..rows[0].len()).map(|n| rows.iter().map(|row| row[n].chars().count()).max().unwrap_or(0)).collect();
    let line = |(n, row): (usize, &[String; 7])| {
        let cells: Vec<_> = row.iter().zip(&wide).map(|(cell, wide)| format!("{cell:<wide$}")).collect();
        let line = cells.join("  ").trim_end().to_owned();
        // The head, and what opens nothing.
        let is_dim = n == 0 || page.keys[n - 1].status != Stands::Good;
        (if is_dim { style.dim(&line) } else { line }) + "\n"
    };
    rows.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: u64, name: &str, status: Stands) -> KeyView {
        KeyView {
            id: KeyId::from_u64(id).to_string(),
            name: name.to_owned(),
            ending: "x7Qa".to_owned(),
            status,
            adopts: id == 1,
            created_at: Some(Micros(1_745_439_708_037_943)),
            expires_at: (id == 1).then_some(Micros(1_801_353_600_000_000)),
            revoked_at: None,
        }
    }

    fn page() -> KeyPage {
        let keys = [(1, "ci", Stands::Expired), (2, "ci", Stands::Good), (3, "Ada's laptop", Stands::Revoked)];
        KeyPage { keys: keys.map(|(id, name, status)| key(id, name, status)).to_vec() }
    }

    #[test]
    fn keys_stand_in_columns() {
        insta::assert_snapshot!(table(&page(), Style::default()));
        assert_eq!(table(&KeyPage { keys: vec![] }, Style::default()), "no keys\n");
    }

    #[test]
    fn a_key_is_found_by_its_name_or_its_id() {
        let found = |named: &str, stands| find(&page(), named, stands).map_err(|failure| failure.error.to_string());
        assert_eq!(found("ci", Stands::Good), Ok(KeyId::from_u64(2)), "the good one is meant");
        assert_eq!(found("Ada's laptop", Stands::Good), Ok(KeyId::from_u64(3)));
        assert_eq!(found("key_0000000000000001", Stands::Good), Ok(KeyId::from_u64(1)));
        assert_eq!(found("ci", Stands::Revoked), Err("there are 2 keys ci: say which by its id".to_owned()));
        assert_eq!(found("none", Stands::Good), Err("there is no key none".to_owned()));
    }

    #[test]
    fn what_was_made_is_told_and_the_key_is_not() {
        let made = KeyMade { key: "lw_secret".to_owned(), view: key(1, "ci", Stands::Good) };
        let first = told(&made, true);
        assert!(first.contains("until 2027-01-31 00:00:00Z") && first.contains("open mode"), "{first}");
        assert!(first.contains("refuses whoever shows none") && !first.contains("secret"));
        assert!(!told(&made, false).contains("refuses"));
    }
}
