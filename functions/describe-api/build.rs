//! Takes the two files of Swagger UI that the page needs out of the archive in which they are published.

use std::io::{Cursor, Read as _};
use std::path::PathBuf;
use std::{env, fs};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let mut archive =
        zip::ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED)).expect("a zip archive");
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    for name in ["swagger-ui-bundle.js", "swagger-ui.css"] {
        let end = format!("/dist/{name}");
        let within = {
            let mut names = archive.file_names().filter_map(Result::ok);
            let found = names.find(|path| path.ends_with(&end));
            found.expect("a file of Swagger UI").into_owned()
        };
        let mut text = String::new();
        let mut file = archive.by_name(&within).expect("it is there");
        file.read_to_string(&mut text).expect("it is text");
        fs::write(folder.join(name), text).expect("the folder is writable");
    }
}
