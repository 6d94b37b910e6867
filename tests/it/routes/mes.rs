//! What the MES's gateway must do, wherever its routes were set up.

use super::{Answer, ask, early_in_a_minute, statuses, token};

/// The shipped declaration.
pub const FILE: &str = include_str!("../../../stacks/mes/kong.yml");
/// The development default of `JWT_SECRET`.
pub const SECRET: &str = "mes-development-secret-for-signing-tokens";
/// The development default of `JWT_ISSUER`.
pub const ISSUER: &str = "mes-auth-service";

/// As the platform's page has them: the route, its service, the service's port, and requests a minute.
pub const ROUTES: [(&str, &str, u16, usize); 8] = [
    ("auth", "auth-service", 3008, 50),
    ("workorders", "work-order-service", 3009, 200),
    ("quality", "quality-service", 3010, 100),
    ("parts", "material-service", 3011, 200),
    ("traceability", "traceability-service", 3012, 100),
    ("equipment", "resource-service", 3013, 200),
    ("dashboard", "reporting-service", 3014, 100),
    ("integration", "integration-service", 3015, 50),
];

/// Where the proxy is, and what its tokens are signed with.
pub struct Proxy<'a> {
    pub http: u16,
    pub https: u16,
    pub secret: &'a str,
}

impl Proxy<'_> {
    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http)
    }

    fn with(&self, path: &str, token: &str) -> Answer {
        ask(&self.url(path), &["-H", &format!("Authorization: Bearer {token}")])
    }

    /// All that the platform's pages promise. Who answered can be told by `from`: the service of an answer.
    pub fn keeps_its_promises(&self, from: impl Fn(&Answer) -> Option<String>) {
        self.routes_to_the_eight(from);
        self.refuses_tokens();
        self.answers_browsers();
        self.gives_ids();
        self.limits();
    }

    /// Each to its service, with the whole path, by both ports.
    fn routes_to_the_eight(&self, from: impl Fn(&Answer) -> Option<String>) {
        let good = format!("Authorization: Bearer {}", token(ISSUER, self.secret, 60));
        for (route, service, _, limit) in ROUTES {
            for (scheme, port) in [("http", self.http), ("https", self.https)] {
                let url = format!("{scheme}://127.0.0.1:{port}/api/v1/{route}");
                let options = ["-H", &good];
                let answer = ask(&url, if route == "auth" { &[] } else { &options });
                assert!(!answer.header("x-kong-upstream-latency").is_empty(), "{route}: {answer:?}");
                assert_eq!(answer.header("ratelimit-limit"), limit.to_string(), "{route}: {answer:?}");
                if let Some(found) = from(&answer) {
                    assert_eq!(found, service, "{route}: {answer:?}");
                }
            }
        }
        let nowhere = ask(&self.url("/api/v1/nowhere"), &[]);
        assert_eq!((nowhere.status, nowhere.header("x-kong-upstream-latency")), (404, ""), "{nowhere:?}");
        assert!(nowhere.body.contains("no Route matched"), "{nowhere:?}");
    }

    /// None, one of another issuer, one signed with another secret, and one that is over: they don't reach a service.
    fn refuses_tokens(&self) {
        let strangers = [
            token("somebody", self.secret, 60),
            token(ISSUER, "another-secret-that-nobody-here-knows", 60),
            token(ISSUER, self.secret, -60),
            "not.a.token".to_owned(),
        ];
        for (route, ..) in ROUTES.iter().filter(|(route, ..)| *route != "auth") {
            let path = format!("/api/v1/{route}");
            let none = ask(&self.url(&path), &[]);
            assert_eq!((none.status, none.header("x-kong-upstream-latency")), (401, ""), "{none:?}");
        }
        for token in &strangers {
            let answer = self.with("/api/v1/workorders", token);
            assert_eq!((answer.status, answer.header("x-kong-upstream-latency")), (401, ""), "{answer:?}");
        }
    }

    /// A preflight needs no token, and isn't passed on.
    fn answers_browsers(&self) {
        let origin = ["-H", "Origin: https://mes.example.com"];
        let preflight = ["-X", "OPTIONS", "-H", "Access-Control-Request-Method: POST"];
        let asked = ask(
            &self.url("/api/v1/workorders"),
            &[origin, [preflight[0], preflight[1]], [preflight[2], preflight[3]]].concat(),
        );
        assert_eq!((asked.status, asked.header("x-kong-upstream-latency")), (200, ""), "{asked:?}");
        assert_eq!(asked.header("access-control-allow-origin"), "*", "{asked:?}");
        assert!(asked.header("access-control-allow-methods").contains("POST"), "{asked:?}");
        assert!(asked.header("access-control-allow-headers").contains("Authorization"), "{asked:?}");
        assert_eq!(asked.header("access-control-max-age"), "3600", "{asked:?}");
        let plain = ask(&self.url("/api/v1/auth/me"), &origin);
        assert_eq!(plain.header("access-control-allow-origin"), "*", "{plain:?}");
        assert!(plain.header("access-control-expose-headers").contains("X-Request-ID"), "{plain:?}");
    }

    /// A client's own id comes back; one without gets one, which no other request has.
    fn gives_ids(&self) {
        let own = ask(&self.url("/api/v1/auth/me"), &["-H", "X-Request-ID: order-7"]);
        assert_eq!(own.header("x-request-id"), "order-7", "{own:?}");
        let given: Vec<String> = (0..2)
            .map(|_| ask(&self.url("/api/v1/auth/me"), &[]).header("x-request-id").to_owned())
            .collect();
        assert!(given.iter().all(|id| id.len() == 36) && given[0] != given[1], "{given:?}");
    }

    /// The login's 50 a minute. What is over the limit doesn't reach the service.
    fn limits(&self) {
        early_in_a_minute();
        let codes = statuses(&self.url("/api/v1/auth/me"), 60, &[]);
        let refused = codes.iter().position(|code| *code == 429).unwrap_or_else(|| panic!("{codes:?}"));
        assert!(refused <= 50 && codes[refused..].iter().all(|code| *code == 429), "{codes:?}");
        let over = ask(&self.url("/api/v1/auth/me"), &[]);
        assert_eq!((over.status, over.header("x-kong-upstream-latency")), (429, ""), "{over:?}");
        assert_eq!(over.header("ratelimit-remaining"), "0", "{over:?}");
        assert!(over.header("retry-after").parse::<u8>().is_ok_and(|seconds| seconds <= 60), "{over:?}");
        // A limit is a service's own.
        let other = self.with("/api/v1/workorders", &token(ISSUER, self.secret, 60));
        assert_eq!(other.status, 200, "{other:?}");
    }
}
