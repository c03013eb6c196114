//! How pages will be fetched.

use legwork_server::config::Fetch;
use url::Url;

use super::BadConfig;
use super::webhooks::hosts;
use crate::args::FetchArgs;
use crate::config_file::FetchFile;

/// What was typed before what stands in the file.
pub(super) fn fetch(args: FetchArgs, file: &FetchFile) -> Result<Fetch, BadConfig> {
    let allowed = if args.fetch_allow_hosts.is_empty() { file.allow_hosts.clone() } else { args.fetch_allow_hosts };
    Ok(Fetch {
        allow_hosts: hosts(allowed, BadConfig::AllowedHost)?,
        robots: !(args.fetch_ignore_robots || file.ignore_robots),
        contact: args.fetch_contact.or_else(|| file.contact.clone()).map(contact).transpose()?,
    })
}

fn contact(text: String) -> Result<Url, BadConfig> {
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        Ok(url) if url.scheme() == "mailto" && url.path().contains('@') => Ok(url),
        _ => Err(BadConfig::Contact(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(hosts: &[&str], contact: Option<&str>) -> Result<Fetch, BadConfig> {
        let fetch_allow_hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        let args = FetchArgs { fetch_allow_hosts, fetch_contact: contact.map(str::to_owned), ..FetchArgs::default() };
        let file = FetchFile {
            allow_hosts: vec!["in.file".to_owned()],
            ignore_robots: true,
            contact: Some("https://in.file/".to_owned()),
        };
        fetch(args, &file)
    }

    #[test]
    fn robots_ask_unless_they_are_told_not_to() {
        assert_eq!(fetch(FetchArgs::default(), &FetchFile::default()).unwrap(), Fetch::default());
        assert!(Fetch::default().robots && !typed(&[], None).unwrap().robots);
        let args = FetchArgs { fetch_ignore_robots: true, ..FetchArgs::default() };
        assert!(!fetch(args, &FetchFile::default()).unwrap().robots);
    }

    #[test]
    fn what_is_typed_goes_before_the_file() {
        let from_file = typed(&[], None).unwrap();
        assert_eq!(
            (from_file.allow_hosts, from_file.contact.unwrap().as_str()),
            (vec!["in.file".to_owned()], "https://in.file/")
        );
        let typed = typed(&["Wiki.LAN:8080"], Some("mailto:bots@example.com")).unwrap();
        assert_eq!(
            (typed.allow_hosts, typed.contact.unwrap().as_str()),
            (vec!["wiki.lan:8080".to_owned()], "mailto:bots@example.com")
        );
    }

    #[test]
    fn what_is_no_host_and_no_contact_is_refused() {
        assert!(matches!(typed(&["http://a"], None), Err(BadConfig::AllowedHost(_))));
        for odd in ["", "example.com", "mailto:nobody", "ftp://a/"] {
            assert!(matches!(typed(&[], Some(odd)), Err(BadConfig::Contact(_))), "{odd}");
        }
    }
}
