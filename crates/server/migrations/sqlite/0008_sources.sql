-- Texts that were cited, kept as they were read. Nothing here is ever changed or removed.
create table sources (
    s            integer primary key,
    hash         blob    not null unique,   -- SHA-256 of the text
    url          text    not null,
    retrieved_at integer,                   -- null: it came with the program
    body         blob    not null           -- the text with its title, as packed JSON
);
create index sources_by_url on sources (url, retrieved_at);
