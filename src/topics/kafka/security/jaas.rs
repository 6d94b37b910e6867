//! `sasl.jaas.config`: a login module, a flag, options, a semicolon. Pure.
//! <https://docs.oracle.com/en/java/javase/17/docs/api/java.base/javax/security/auth/login/Configuration.html>

use super::Secret;

/// What a login module needs of its user.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Login {
    /// The module's class, without its package: `PlainLoginModule`.
    pub module: String,
    pub username: String,
    pub password: Secret,
}

/// Reads a login; an error is in words, without any of the text's values.
pub(super) fn login(text: &str) -> Result<Login, String> {
    let words = words(text)?;
    let mut words = words.iter();
    let Some(Word::Bare(class)) = words.next() else {
        return Err(
            "a login module comes first, as org.apache.kafka.common.security.plain.PlainLoginModule".into()
        );
    };
    let module = class.rsplit('.').next().unwrap_or(class).to_owned();
    match words.next() {
        Some(Word::Bare(flag))
            if ["required", "requisite", "sufficient", "optional"]
                .iter()
                .any(|known| flag.eq_ignore_ascii_case(known)) => {}
        _ => return Err("a login module comes first, and then the word 'required'".into()),
    }
    let (mut username, mut password) = (None, None);
    loop {
        match words.next() {
            Some(Word::End) => break,
            Some(Word::Bare(name)) => {
                let (Some(Word::Equals), Some(Word::Bare(value) | Word::Quoted(value))) =
                    (words.next(), words.next())
                else {
                    return Err(format!("the option '{name}' has no value; write {name}=\"…\""));
                };
                match name.as_str() {
                    "username" => username = Some(value.clone()),
                    "password" => password = Some(Secret(value.clone())),
                    _ => {}
                }
            }
            Some(_) => return Err("an option is written as name=\"value\"".into()),
            None => return Err("a semicolon must end it".into()),
        }
    }
    if words.next().is_some() {
        return Err("it names more than one login module".into());
    }
    Ok(Login {
        username: username.ok_or_else(|| format!("{module} has no username=\"…\""))?,
        password: password.ok_or_else(|| format!("{module} has no password=\"…\""))?,
        module,
    })
}

enum Word {
    Bare(String),
    Quoted(String),
    Equals,
    End,
}

fn words(text: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '=' => words.push(Word::Equals),
            ';' => words.push(Word::End),
            letter if letter.is_whitespace() => {}
            quote @ ('"' | '\'') => {
                let mut value = String::new();
                loop {
                    match letters.next() {
                        None => return Err(format!("a quotation mark {quote} isn't closed")),
                        Some(end) if end == quote => break,
                        Some('\\') => value.push(match letters.next() {
                            Some('n') => '\n',
                            Some('t') => '\t',
                            Some('r') => '\r',
                            Some(other) => other,
                            None => return Err(format!("a quotation mark {quote} isn't closed")),
                        }),
                        Some(other) => value.push(other),
                    }
                }
                words.push(Word::Quoted(value));
            }
            first => {
                let mut word = String::from(first);
                while let Some(next) =
                    letters.next_if(|next| !next.is_whitespace() && !"=;\"'".contains(*next))
                {
                    word.push(next);
                }
                words.push(Word::Bare(word));
            }
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins() {
        let of = |text: &str| match login(text) {
            Ok(login) => format!("{} {} {}", login.module, login.username, login.password.0),
            Err(said) => said,
        };
        let plain = "org.apache.kafka.common.security.plain.PlainLoginModule";
        let lines = [
            of(&format!("{plain} required username=\"vv\" password=\"p\\\"a;s = s\";")),
            of(&format!("{plain} required\n  username='vv'\n  password=bare\n  user_bob=\"x\" ;")),
            of(&format!("{plain} REQUIRED password=\"\" username=vv;")),
            of(""),
            of(&format!("{plain} username=\"vv\" password=\"hidden\";")),
            of(&format!("{plain} required username=\"vv\" password=\"hidden\"")),
            of(&format!("{plain} required username=\"vv\" password=\"hidden;")),
            of(&format!("{plain} required username=\"vv\";")),
            of(&format!("{plain} required password=\"hidden\";")),
            of(&format!("{plain} required username=\"vv\" password \"hidden\";")),
            of(&format!("{plain} required username=\"vv\" password=;")),
            of(&format!("{plain} required username=\"vv\" \"hidden\";")),
            of(&format!("{plain} required username=\"vv\" password=\"hidden\"; {plain} required;")),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r#"
        PlainLoginModule vv p"a;s = s
        PlainLoginModule vv bare
        PlainLoginModule vv 
        a login module comes first, as org.apache.kafka.common.security.plain.PlainLoginModule
        a login module comes first, and then the word 'required'
        a semicolon must end it
        a quotation mark " isn't closed
        PlainLoginModule has no password="…"
        PlainLoginModule has no username="…"
        the option 'password' has no value; write password="…"
        the option 'password' has no value; write password="…"
        an option is written as name="value"
        it names more than one login module
        "#);
    }
}
