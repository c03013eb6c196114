//! Which files lie below a folder: by name, size and times only. Nothing is opened here.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Skipped;
use crate::read::Kind;

/// Folders that hold what programs put there, beside all whose names begin with a dot.
const NOT_DOCUMENTS: [&str; 3] = ["node_modules", "__pycache__", "__MACOSX"];

/// A file that can be read.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Where it lies below the folder, with `/` between the names.
    pub(super) path: String,
    pub(super) full: PathBuf,
    pub(super) kind: Kind,
    pub(super) stamp: Stamp,
}

/// What changes when a file does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    /// When its contents changed, as it says itself, in nanoseconds since 1970.
    pub(super) modified: i64,
    /// When anything about it changed, as the system says.
    pub(super) changed: i64,
}

/// All that lies below a folder.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) found: Vec<Found>,
    pub(super) skipped: Vec<Skipped>,
    /// Files of a kind that cannot be read, by the ends of their names.
    pub(super) unknown: BTreeMap<String, usize>,
    /// The same files one by one.
    pub(super) unread: Vec<Skipped>,
}

/// Walks a folder, which has to be a canonical path; `except` is a folder that is not looked into.
pub(super) fn walk(root: &Path, except: Option<&Path>) -> io::Result<Walked> {
    let mut walker = Walker { root, except, walked: Walked::default(), open: Vec::new() };
    walker.folder(root)?;
    while let Some(folder) = walker.open.pop() {
        if let Err(error) = walker.folder(&folder) {
            walker.skip(&folder, error.to_string());
        }
    }
    let mut walked = walker.walked;
    walked.found.sort_by(|a, b| (&a.path, &a.full).cmp(&(&b.path, &b.full)));
    let mut same = Vec::new();
    walked.found.dedup_by(|a, b| {
        let is_same = a.path == b.path;
        if is_same {
            same.push(Skipped { path: a.path.clone(), reason: "the name of another file looks the same".to_owned() });
        }
        is_same
    });
    walked.skipped.extend(same);
    walked.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    walked.unread.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(walked)
}

struct Walker<'a> {
    root: &'a Path,
    except: Option<&'a Path>,
    walked: Walked,
    open: Vec<PathBuf>,
}

impl Walker<'_> {
    fn folder(&mut self, folder: &Path) -> io::Result<()> {
        // What is gone by now is not there.
        for entry in fs::read_dir(folder)?.flatten() {
            self.entry(&entry);
        }
        Ok(())
    }

    fn entry(&mut self, entry: &DirEntry) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if is_no_document(&name) || self.except == Some(&path) {
            return;
        }
        match entry.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.skip(&path, error.to_string()),
            Ok(about) if about.is_dir() => self.open.push(path),
            Ok(about) if about.is_symlink() => self.link(&path, &name),
            Ok(about) if about.is_file() => self.file(path, &name, &about),
            Ok(_) => self.skip(&path, "it is no regular file"),
        }
    }

    /// A link to a file in the folder that is not met on the way is read; no link is a way to anywhere else.
    fn link(&mut self, path: &Path, name: &str) {
        let target = match path.canonicalize() {
            Ok(target) => target,
            Err(error) => return self.skip(path, format!("it is a link that leads nowhere: {error}")),
        };
        let Ok(inside) = target.strip_prefix(self.root) else {
            return self.skip(path, "it is a link out of the folder");
        };
        if self.except.is_some_and(|except| target.starts_with(except)) {
            return self.skip(path, "it is a link into the folder of the server");
        }
        let hidden = inside.iter().any(|part| is_no_document(&part.to_string_lossy()));
        let readable = inside.file_name().is_some_and(|name| Kind::of(&name.to_string_lossy()).is_some());
        match fs::metadata(&target) {
            Ok(about) if about.is_file() && hidden => self.file(path.to_owned(), name, &about),
            Ok(about) if about.is_file() && !readable => {
                self.skip(path, "it is a link to a file of a kind that cannot be read");
            }
            Ok(about) if about.is_file() => self.skip(path, "it is a link to a file that is read where it lies"),
            _ => self.skip(path, "it is a link to a folder"),
        }
    }

    fn file(&mut self, full: PathBuf, name: &str, about: &Metadata) {
        let Some(kind) = Kind::of(name) else {
            let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
            let reason = format!("files of this kind (.{ending}) cannot be read");
            self.walked.unread.push(Skipped { path: relative(self.root, &full), reason });
            *self.walked.unknown.entry(ending).or_default() += 1;
            return;
        };
        if about.len() > kind.largest() {
            return self.skip(&full, format!("it is larger than {} MB", kind.largest() >> 20));
        }
        let path = relative(self.root, &full);
        self.walked.found.push(Found { path, full, kind, stamp: Stamp::of(about) });
    }

    fn skip(&mut self, path: &Path, reason: impl Into<String>) {
        self.walked.skipped.push(Skipped { path: relative(self.root, path), reason: reason.into() });
    }
}

fn is_no_document(name: &str) -> bool {
    name.starts_with('.') || NOT_DOCUMENTS.contains(&name)
}

impl Stamp {
    fn of(about: &Metadata) -> Self {
        let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            size: about.len(),
            modified: nanoseconds(about.mtime(), about.mtime_nsec()),
            changed: nanoseconds(about.ctime(), about.ctime_nsec()),
        }
    }
}

fn relative(root: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(root).unwrap_or(path).components();
    let path = parts.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>().join("/");
    if path.is_empty() { ".".to_owned() } else { path }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().canonicalize().unwrap().join("docs");
        fs::create_dir(&root).unwrap();
        (home, root)
    }

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn found(walked: &Walked) -> Vec<&str> {
        walked.found.iter().map(|found| found.path.as_str()).collect()
    }

    fn skipped(walked: &Walked) -> Vec<(&str, &str)> {
        walked.skipped.iter().map(|skipped| (skipped.path.as_str(), skipped.reason.as_str())).collect()
    }

    #[test]
    fn files_are_found_at_any_depth_in_a_fixed_order() {
        let (_home, root) = tree();
        for path in ["b.md", "a b/c.txt", "x/y/z/d.html", "LICENSE", "x.md/inside.txt"] {
            write(&root, path, "text");
        }
        for path in [".git/config.txt", "node_modules/a/readme.md", ".hidden.md", "photo.JPG", "film.mp4", "b.jpg"] {
            write(&root, path, "text");
        }
        let walked = walk(&root, None).unwrap();
        assert_eq!(found(&walked), ["LICENSE", "a b/c.txt", "b.md", "x.md/inside.txt", "x/y/z/d.html"]);
        assert!(walked.skipped.is_empty(), "{:?}", walked.skipped);
        let unread: Vec<_> = walked.unread.iter().map(|file| (file.path.as_str(), file.reason.as_str())).collect();
        assert_eq!(unread[0], ("b.jpg", "files of this kind (.jpg) cannot be read"));
        assert_eq!(unread.iter().map(|(path, _)| *path).collect::<Vec<_>>(), ["b.jpg", "film.mp4", "photo.JPG"]);
        assert_eq!(walked.unknown.into_iter().collect::<Vec<_>>(), [("jpg".to_owned(), 2), ("mp4".to_owned(), 1)]);
    }

    #[test]
    fn links_lead_neither_out_nor_in_circles() {
        let (home, root) = tree();
        fs::write(home.path().join("secret.txt"), "secret").unwrap();
        write(&root, "own.txt", "own");
        write(&root, "..data/mounted.txt", "mounted");
        symlink(home.path().join("secret.txt"), root.join("out.txt")).unwrap();
        symlink(&root, root.join("circle")).unwrap();
        symlink(root.join("own.txt"), root.join("same.txt")).unwrap();
        write(&root, "film.mp4", "film");
        symlink("film.mp4", root.join("film.txt")).unwrap();
        symlink("nowhere.txt", root.join("dead.txt")).unwrap();
        symlink("..data/mounted.txt", root.join("mounted.txt")).unwrap();
        let walked = walk(&root, None).unwrap();
        assert_eq!(found(&walked), ["mounted.txt", "own.txt"]);
        assert_eq!(
            skipped(&walked),
            [
                ("circle", "it is a link to a folder"),
                ("dead.txt", "it is a link that leads nowhere: No such file or directory (os error 2)"),
                ("film.txt", "it is a link to a file of a kind that cannot be read"),
                ("out.txt", "it is a link out of the folder"),
                ("same.txt", "it is a link to a file that is read where it lies"),
            ]
        );
    }

    #[test]
    fn of_two_names_that_look_the_same_one_is_told() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;

        let (_home, root) = tree();
        for name in [&b"a\xfe.txt"[..], b"a\xff.txt"] {
            fs::write(root.join(OsStr::from_bytes(name)), "text").unwrap();
        }
        let walked = walk(&root, None).unwrap();
        assert_eq!(found(&walked), ["a\u{fffd}.txt"]);
        assert_eq!(skipped(&walked), [("a\u{fffd}.txt", "the name of another file looks the same")]);
    }

    #[test]
    fn a_file_too_large_is_told_without_being_opened() {
        let (_home, root) = tree();
        fs::File::create(root.join("huge.pdf")).unwrap().set_len(50 << 20).unwrap();
        fs::File::create(root.join("huge.txt")).unwrap().set_len(17 << 20).unwrap();
        let walked = walk(&root, None).unwrap();
        assert_eq!(
            skipped(&walked),
            [("huge.pdf", "it is larger than 48 MB"), ("huge.txt", "it is larger than 16 MB")]
        );
    }

    #[test]
    fn one_folder_can_be_left_out() {
        let (_home, root) = tree();
        write(&root, "store/notes.txt", "text");
        write(&root, "a.txt", "text");
        assert_eq!(found(&walk(&root, Some(&root.join("store"))).unwrap()), ["a.txt"]);
        assert!(walk(&root.join("none"), None).is_err());
    }
}
