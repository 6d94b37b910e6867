//! Adminer: its login page, of a PHP that can speak to a database.

use super::answer::{Answer, ProbeFailure};
use super::deep::{DeepCheck, Outcome};
use super::http::{self, Request};
use super::listen::port;
use super::net::Place;
use super::target::Target;

/// What the page says where PHP lacks every driver.
const NO_DRIVER: &str = "None of the supported PHP extensions";

/// Its page.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    vec![DeepCheck::at("page", target, port(target.service, &["http", "https"], 8080), page)]
}

async fn page(target: Target<'_>, place: Place) -> Outcome {
    let reply = http::send(&target, place, Request::document("/")).await?;
    let text = String::from_utf8_lossy(&reply.body);
    if text.contains(NO_DRIVER) {
        return Err(ProbeFailure::new("its PHP has no driver for any database")
            .hint("add an extension to its image: php-pgsql, php-mysql"));
    }
    match title(&text) {
        Some(title) if title.contains("Adminer") => Ok(Answer::Seen(format!("its page is \"{title}\""))),
        Some(title) => Ok(strange(&format!("GET / is a page called \"{title}\", not Adminer"))),
        None => Ok(strange("GET / has no title, so it isn't Adminer")),
    }
}

fn strange(detail: &str) -> Answer {
    let hint = "does something else listen on this port, or is its kind another (x-vv.kind)?";
    Answer::Doubtful { detail: detail.to_owned(), hint: hint.into() }
}

/// The page's title.
pub(super) fn title(page: &str) -> Option<String> {
    let rest = page.split_once("<title>")?.1;
    let title: String = rest.split_once("</title>")?.0.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(title.chars().take(80).collect())
}

#[cfg(test)]
mod tests {
    use crate::probe::testing::{deep_of, nobody, site, system};

    #[tokio::test]
    async fn every_state_has_its_words() {
        let mut lines = Vec::new();
        for body in [
            "<!DOCTYPE html><title>Login\n - Adminer</title>",
            "<title>Login - Adminer</title><p class='error'>None of the supported PHP extensions (PDO) are available.",
            "<title>Welcome to nginx!</title>",
            "hello",
        ] {
            lines.push(deep_of(system("adminer", 8080), 8080, site(&[("GET /", 200, body)]).await).await);
        }
        lines.push(deep_of(system("adminer", 8080), 8080, nobody().await).await);
        insta::assert_snapshot!(lines.join("\n"), @r#"
        page ok: its page is "Login - Adminer"
        page fail: its PHP has no driver for any database -> add an extension to its image: php-pgsql, php-mysql
        page warn: GET / is a page called "Welcome to nginx!", not Adminer -> does something else listen on this port, or is its kind another (x-vv.kind)?
        page warn: GET / has no title, so it isn't Adminer -> does something else listen on this port, or is its kind another (x-vv.kind)?
        page fail: 127.0.0.1:PORT refuses connections (container port 8080)
        "#);
    }
}
