//! The library seen from outside: folders in, documents and answers out.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use legwork_core::output::{Citation, Output};
use legwork_core::processor::Processor as _;
use legwork_core::task::{Input, Task, Wanted};
use tokio::sync::watch;

use super::cited::Cited;
use super::folder::Folder;
use super::look::{Looked, Looker};
use super::shelf::Shelf;
use super::{Library, pause, shelf_in};
use crate::clock::{Clock as _, SystemClock, TestClock};
use crate::processors::engine::honest::verify_quote;
use crate::processors::research::{Corpus, research};
use crate::processors::researcher::{Outside, Researcher};
use crate::read::Helper;
use crate::testing::store_in;

/// A folder of documents and a place to keep what was read of them.
struct Desk {
    home: tempfile::TempDir,
    clock: Arc<TestClock>,
}

impl Desk {
    fn new(files: &[(&str, &str)]) -> Self {
        // Long after the files were written, so that nobody has to doubt what their times say.
        let clock = Arc::new(TestClock::at(SystemClock.now() + Duration::from_mins(1)));
        let desk = Self { home: tempfile::tempdir().unwrap(), clock };
        fs::create_dir(desk.docs()).unwrap();
        files.iter().for_each(|(path, text)| desk.write(path, text.as_bytes()));
        desk
    }

    fn docs(&self) -> PathBuf {
        self.home.path().join("notes")
    }

    fn store(&self) -> PathBuf {
        self.home.path().join("store")
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.docs().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// The whole library of a process that has just started.
    fn library(&self) -> Library {
        fs::create_dir_all(self.store()).unwrap();
        Library::open(&[self.docs()], &self.store(), store_in(&self.store()), None).unwrap()
    }

    /// A process that has just started.
    fn looker(&self) -> Looker {
        let folders = Folder::all(&[self.docs()]).unwrap();
        let shelf = Shelf::open(&shelf_in(&self.store().join("corpus")));
        Looker::new(folders, shelf, None, Helper::none(), self.clock.clone())
    }
}

fn once(looker: &mut Looker) -> (Looked, Option<Corpus>) {
    looker.once(&AtomicBool::new(false))
}

fn first(looker: &mut Looker) -> (Looked, Corpus) {
    let (looked, corpus) = once(looker);
    (looked, corpus.unwrap())
}

fn own(corpus: &Corpus) -> Vec<(&str, &str)> {
    let own = corpus.documents().iter().filter(|document| document.entity.is_none());
    own.map(|document| (document.url.as_str(), document.text.trim())).collect()
}

fn asked(question: &str) -> Task {
    Task::new(Input::Text(question.to_owned()), Wanted::Text { description: None })
}

fn answered(corpus: &Corpus, question: &str) -> (String, Vec<Citation>) {
    match research(corpus, &asked(question), "base", &mut |_| {}) {
        Output::Text { content, mut basis, .. } => (content, basis.remove(0).citations),
        Output::Json { .. } => panic!("a text was wanted"),
    }
}

#[test]
fn a_restart_opens_no_file_again() {
    let desk = Desk::new(&[("a.md", "# Birch\n\nA birch is a tree."), ("b/c.txt", "A larch is a tree, too.")]);
    let (looked, before) = first(&mut desk.looker());
    assert_eq!(looked, Looked { files: 2, opened: 2, read: 2, gone: 0 });
    let (looked, after) = first(&mut desk.looker());
    assert_eq!(looked, Looked { files: 2, opened: 0, read: 0, gone: 0 });
    assert_eq!(own(&before), own(&after));
    assert_eq!(own(&after)[0], ("corpus:notes/a.md", "# Birch\n\nA birch is a tree."));
    let question = "What is a larch?";
    assert_eq!(answered(&before, question).0, answered(&after, question).0, "and its words are counted alike");
}

#[test]
fn what_is_new_changed_or_gone_is_noticed() {
    let desk = Desk::new(&[("a.md", "One."), ("b.md", "Two."), ("c.md", "Three.")]);
    let mut looker = desk.looker();
    let (_, before) = first(&mut looker);
    assert!(once(&mut looker).1.is_none(), "nothing has changed");
    desk.write("a.md", b"Uno.");
    desk.write("d.md", b"Four.");
    fs::remove_file(desk.docs().join("b.md")).unwrap();
    let (looked, after) = once(&mut looker);
    assert_eq!(looked, Looked { files: 3, opened: 2, read: 2, gone: 1 });
    let texts: Vec<_> = own(after.as_ref().unwrap()).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["Uno.", "Three.", "Four."]);
    assert_eq!(own(&before).len(), 3, "whoever still works with the old one is not disturbed");
}

#[test]
fn a_file_that_was_only_touched_is_not_read_again() {
    let desk = Desk::new(&[("a.md", "One.")]);
    let mut looker = desk.looker();
    first(&mut looker);
    desk.write("a.md", b"One.");
    let (looked, corpus) = once(&mut looker);
    assert_eq!((looked.read, corpus.is_none()), (0, true));
}

#[test]
fn a_file_written_again_within_the_same_moment_is_noticed() {
    let desk = Desk::new(&[("a.md", "One.")]);
    let about = fs::metadata(desk.docs().join("a.md")).unwrap();
    // Read in the very moment in which it was written: its times cannot be trusted yet.
    let now = Arc::new(TestClock::at(SystemClock.now()));
    let mut looker = Desk { clock: now, ..desk }.into_looker();
    first(&mut looker.0);
    let file = fs::File::options().write(true).open(looker.1.docs().join("a.md")).unwrap();
    (&file).write_all(b"Two.").unwrap();
    file.set_modified(about.modified().unwrap()).unwrap();
    let (looked, corpus) = once(&mut looker.0);
    assert_eq!((looked.opened, looked.read), (1, 1));
    assert_eq!(own(&corpus.unwrap())[0].1, "Two.");
}

impl Desk {
    fn into_looker(self) -> (Looker, Self) {
        (self.looker(), self)
    }
}

#[test]
fn the_next_look_waits_for_what_looking_costs_and_not_for_what_was_read() {
    let [small, large] = [Duration::from_millis(1), Duration::from_millis(60)];
    assert_eq!(pause(small, Duration::from_millis(1500)), Duration::from_secs(2), "reading at start delays nothing");
    assert_eq!(pause(large, large), Duration::from_secs(6));
    assert_eq!(pause(small, Duration::from_secs(9)), Duration::from_secs(9), "half of the time is left to others");
    assert_eq!(pause(Duration::from_secs(1), Duration::from_mins(5)), Duration::from_secs(30));
}

#[test]
fn a_damaged_shelf_is_made_anew() {
    let text = "A birch is a tree with white bark. ".repeat(400);
    let desk = Desk::new(&[("a.md", &text), ("b.md", "A larch is a tree, too.")]);
    let file = shelf_in(&desk.store().join("corpus"));
    let whole = first(&mut desk.looker()).1;
    let size = fs::metadata(&file).unwrap().len();
    let spoil = |at: u64, length: usize| {
        let mut file = fs::File::options().write(true).open(&file).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&vec![0xa5; length]).unwrap();
    };
    for place in [0, 4096, size / 3 / 4096 * 4096, size / 2, size - 4096] {
        spoil(place, 600);
        let (_, corpus) = first(&mut desk.looker());
        assert_eq!(own(&corpus), own(&whole), "spoiled at {place} of {size}");
    }
    fs::write(&file, b"").unwrap();
    assert_eq!(own(&first(&mut desk.looker()).1), own(&whole));
    fs::write(&file, b"something else entirely").unwrap();
    assert_eq!(first(&mut desk.looker()).0.read, 2);
}

#[test]
fn a_shelf_of_another_form_is_made_anew() {
    let desk = Desk::new(&[("a.md", "One.")]);
    first(&mut desk.looker());
    let database = rusqlite::Connection::open(shelf_in(&desk.store().join("corpus"))).unwrap();
    database.execute("UPDATE form SET number = number + 1", []).unwrap();
    drop(database);
    assert_eq!(first(&mut desk.looker()).0.read, 1);
    assert_eq!(first(&mut desk.looker()).0.read, 0);
}

#[test]
fn where_nothing_can_be_kept_documents_are_read_all_the_same() {
    let desk = Desk::new(&[("a.md", "One.")]);
    fs::write(desk.store(), "a file where the folder should be").unwrap();
    assert_eq!(own(&first(&mut desk.looker()).1).len(), 1);
}

#[test]
fn what_was_left_out_is_known_with_the_reason_after_a_restart_too() {
    let desk = Desk::new(&[("a.md", "One."), ("empty.txt", ""), ("x.jsonl", "{\n\"fine words\"\n"), ("p.bin", "?")]);
    desk.write("b.md", b"PK\x03\x04 and so on");
    for _ in 0..2 {
        let mut looker = desk.looker();
        first(&mut looker);
        let told: Vec<_> = super::survey::skipped(looker.shelf(), &looker.folders[0])
            .into_iter()
            .map(|s| (s.path, s.reason))
            .collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(told[0], ("b.md".to_owned(), "it is a ZIP archive, not text".to_owned()));
        assert_eq!(told[1], ("empty.txt".to_owned(), "it is empty".to_owned()));
        assert!(told[2].0 == "x.jsonl:1" && told[2].1.starts_with("the line is not JSON"), "{told:?}");
        assert_eq!(looker.folders[0].unknown["bin"], 1);
    }
}

#[test]
fn every_kind_answers_with_words_that_stand_in_its_text() {
    let desk = Desk::new(&[
        ("a.md", "# Zelkova\n\nThe Zelkova probe was built by Anna Larch\nin Oslo, and nobody knows why."),
        ("b.html", "<title>Birchwood</title><nav>Menu</nav><p>Birchwood was founded by Mara Quill in 1987.</p>"),
        ("c.csv", "Bridge,Builder,Opened\nAlderbridge,Tom Heron,1932\n\"Elm, Lower\",Ada Finch,1951\n"),
        ("d.jsonl", "{\"title\":\"Rowan\",\"text\":\"The Rowan treaty was signed in Bergen by six towns.\"}\n"),
        ("e.json", "{\"ferry\": {\"name\": \"Hazelnut ferry\", \"captain\": \"Ines Wren\"}}"),
        ("f.xml", "<a><para>The Willow archive was opened by <b>Otto Crane</b>.</para></a>"),
    ]);
    desk.write("g.txt", &encoding_rs::WINDOWS_1252.encode("The Café Linden was designed by Zoë Müller für Köln.").0);
    let (_, corpus) = first(&mut desk.looker());
    for (question, wanted, url) in [
        ("Who built the Zelkova probe?", "Anna Larch", "corpus:notes/a.md"),
        ("Who founded Birchwood?", "Mara Quill", "corpus:notes/b.html"),
        ("Who is the builder of Alderbridge?", "Tom Heron", "corpus:notes/c.csv"),
        ("Where was the Rowan treaty signed?", "Bergen", "corpus:notes/d.jsonl#1"),
        ("Who is the captain of the Hazelnut ferry?", "Ines Wren", "corpus:notes/e.json"),
        ("Who opened the Willow archive?", "Otto Crane", "corpus:notes/f.xml"),
        ("Who designed the Café Linden?", "Zoë Müller", "corpus:notes/g.txt"),
    ] {
        let (content, citations) = answered(&corpus, question);
        assert!(content.contains(wanted), "{question}: {content}");
        let cited = &citations[0];
        assert_eq!(cited.url, url);
        let document = corpus.document(&cited.legwork.as_ref().unwrap().source).unwrap();
        for excerpt in cited.excerpts.iter().flatten() {
            assert!(document.text.contains(excerpt.as_str()), "{excerpt}");
            assert!(verify_quote(&document.text, excerpt).is_some(), "{excerpt}");
        }
    }
}

#[test]
fn two_folders_of_one_name_have_two_names_and_one_named_twice_is_one() {
    let home = tempfile::tempdir().unwrap();
    let folders = ["x/docs", "y/docs"].map(|path| home.path().join(path));
    for folder in &folders {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("a.md"), "Text.").unwrap();
    }
    let [x, y] = folders;
    let corpus = Corpus::load(&[x.clone(), y, x]).unwrap();
    let urls: Vec<_> = own(&corpus).into_iter().map(|(url, _)| url).collect();
    assert_eq!(urls, ["corpus:docs/a.md", "corpus:docs-2/a.md"]);
}

#[test]
fn a_missing_folder_is_an_error() {
    let error = Corpus::load(&["/nowhere/at/all".into()]).unwrap_err();
    assert_eq!(error.to_string(), "the corpus directory /nowhere/at/all cannot be read");
}

#[tokio::test]
async fn a_citation_can_be_opened_when_its_file_is_gone() {
    let desk = Desk::new(&[("a.md", "One."), ("b.md", "Two.")]);
    let (hash, url) = {
        let library = desk.library();
        let corpus = library.corpus().await.unwrap();
        let document = corpus.documents().iter().find(|document| document.text.starts_with("One")).unwrap();
        library.keep(vec![document.clone()]).await.unwrap();
        (document.hash.clone(), document.url.clone())
    };
    fs::remove_file(desk.docs().join("a.md")).unwrap();
    let library = desk.library();
    assert!(library.corpus().await.unwrap().document(&hash).is_none());
    let source = library.source(&hash).await.unwrap().unwrap();
    assert_eq!((source.text.trim(), source.url.as_str()), ("One.", "corpus:notes/a.md"));
    assert!(source.retrieved_at.is_some());
    assert_eq!(library.source_at(&url).await.unwrap().unwrap().hash, hash);
    assert!(library.source(&"0".repeat(64)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_citation_made_at_one_server_can_be_opened_at_another() {
    let desk = Desk::new(&[("a.md", "One.")]);
    let elsewhere = tempfile::tempdir().unwrap();
    let store = store_in(elsewhere.path());
    let one = Library::open(&[desk.docs()], &desk.store(), store.clone(), None).unwrap();
    let other = Library::open(&[], elsewhere.path(), store, None).unwrap();
    let corpus = one.corpus().await.unwrap();
    let document = corpus.document_at("corpus:notes/a.md").unwrap();
    assert!(other.source(&document.hash).await.unwrap().is_none(), "it was not cited yet");
    one.keep(vec![document.clone()]).await.unwrap();
    assert_eq!(other.source(&document.hash).await.unwrap().unwrap().text, *document.text);
    assert_eq!(other.source_at(&document.url).await.unwrap().unwrap().hash, document.hash);
}

/// The folder that is looked at may hold the folder that is written to.
#[tokio::test]
async fn our_own_folder_is_no_document() {
    let desk = Desk::new(&[("a.md", "One.")]);
    let store = desk.docs().join("store");
    fs::create_dir(&store).unwrap();
    fs::write(store.join("server.json"), "{\"key\": \"secret words\"}").unwrap();
    let library = Library::open(&[desk.docs()], &store, store_in(&store), None).unwrap();
    let corpus = library.corpus().await.unwrap();
    assert_eq!(own(&corpus).len(), 1);
}

fn all_bytes(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    fs::File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_look_changes_nothing_in_the_folder() {
    let desk = Desk::new(&[("a.md", "One.")]);
    first(&mut desk.looker());
    let names: Vec<_> = fs::read_dir(desk.docs()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!((names, all_bytes(&desk.docs().join("a.md"))), (vec!["a.md".into()], b"One.".to_vec()));
}

#[test]
fn equal_documents_have_one_fingerprint_wherever_they_lie() {
    let files = [("a.md", "One."), ("b/c.txt", "Two.")];
    let desk = Desk::new(&files);
    let mut looker = desk.looker();
    let here = first(&mut looker).1.fingerprint();
    let there = Desk::new(&[files[1], files[0]]);
    assert_eq!(first(&mut there.looker()).1.fingerprint(), here);
    assert_eq!(first(&mut desk.looker()).1.fingerprint(), here, "nor does a restart change it");
    desk.write("a.md", b"Uno.");
    let changed = once(&mut looker).1.unwrap().fingerprint();
    assert_ne!(changed, here);
    desk.write("a.md", b"One.");
    assert_eq!(once(&mut looker).1.unwrap().fingerprint(), here);
    let elsewhere = Desk::new(&[("z.md", "One."), ("b/c.txt", "Two.")]);
    assert_ne!(first(&mut elsewhere.looker()).1.fingerprint(), here, "it would be cited by another address");
    assert_ne!(Corpus::factbook().fingerprint(), here);
}

#[test]
fn a_researcher_that_still_reads_has_no_fingerprint_yet() {
    let desk = Desk::new(&[]);
    let (publish, current) = watch::channel(None);
    let (wake, _woken) = mpsc::channel();
    fs::create_dir_all(desk.store()).unwrap();
    let cited = Cited::new(store_in(&desk.store()));
    let library = Arc::new(Library { current, cited, stop: Arc::default(), _wake: wake });
    let researcher = Researcher::new(library, Outside::none());
    assert_eq!(researcher.fingerprint(), None);
    publish.send_replace(Some(Arc::new(Corpus::factbook())));
    assert!(researcher.fingerprint().is_some());
}

#[test]
fn vectors_are_made_once_and_find_what_shares_no_word() {
    let desk = Desk::new(&[("a.md", "# River\n\nA long river."), ("b.md", "# King\n\nThe king sleeps.")]);
    let pack = tempfile::tempdir().unwrap();
    legwork_embed::tiny::write(pack.path(), &["river", "long", "king", "sleeps"]).unwrap();
    let embedder = Arc::new(legwork_embed::Embedder::open(pack.path()).unwrap());
    let far = || Instant::now() + Duration::from_mins(5);
    let goes_on = AtomicBool::new(false);

    let (_, by_words) = first(&mut desk.looker());
    let mut looker = desk.looker().by_meaning(Some(embedder.clone()));
    let (_, at_first) = first(&mut looker);
    assert!(looker.is_learning(), "answers do not wait for vectors");
    assert!(looker.learn(Instant::now(), &goes_on).is_none(), "there was no time");
    let learned = looker.learn(far(), &goes_on).unwrap();
    assert!(!looker.is_learning() && looker.learn(far(), &goes_on).is_none());
    let prints = [&by_words, &at_first, &learned].map(Corpus::fingerprint);
    assert!(prints[0] != prints[1] && prints[1] == prints[2], "the pack differs, and not how far it is");
    let own = |corpus: &Corpus| {
        let documents = corpus.documents();
        let found = corpus.found("zzz", 9, |document| documents[document].entity.is_none());
        found.iter().map(|found| documents[found.document].title.clone()).collect::<BTreeSet<_>>()
    };
    let titles = |titles: &[&str]| titles.iter().map(|title| (*title).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!((own(&by_words), own(&at_first)), (titles(&[]), titles(&[])));
    assert_eq!(own(&learned), titles(&["King", "River"]));

    let mut again = desk.looker().by_meaning(Some(embedder.clone()));
    let (_, corpus) = first(&mut again);
    assert_eq!((again.is_learning(), corpus.fingerprint()), (false, learned.fingerprint()), "they were kept");
    desk.write("c.md", b"# Long\n\nLong ago.");
    let (_, corpus) = once(&mut again);
    assert!(again.is_learning());
    assert_eq!(own(&corpus.unwrap()), titles(&["King", "River"]), "the new one has no vectors yet");

    legwork_embed::tiny::write(pack.path(), &["another"]).unwrap();
    let other = Arc::new(legwork_embed::Embedder::open(pack.path()).unwrap());
    let mut looker = desk.looker().by_meaning(Some(other));
    first(&mut looker);
    assert!(looker.is_learning(), "what another pack made is of no use");
}
