//! What leads to services and watches them: Consul, Kong, nginx, Prometheus, Jaeger.

use super::{Breakage, inborn};

pub const CONSUL: &[Breakage] = &[
    Breakage {
        what: "Consul doesn't know a replica that runs",
        make: "",
        ask: "health consul",
        says: "✘ consul-1 catalog P-shop-1 runs, but isn't registered*",
        mend: "c consul-1 consul services register -name=shop -id=shop-1 -port=80 -address=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' $P-shop-1)",
    },
    Breakage {
        what: "Consul holds a dead replica",
        make: "c consul-1 consul services register -name=shop -id=shop-dead -address=10.255.255.1 -port=80",
        ask: "health consul",
        says: "✘ consul-1 catalog shop-dead is registered at 10.255.255.1:80*",
        mend: "c consul-1 consul services deregister -id=shop-dead",
    },
    Breakage {
        what: "a service's check in Consul is critical",
        make: "c consul-1 consul maint -enable -service=shop-1 -reason=broken",
        ask: "health consul",
        says: "✘ consul-1 catalog shop-1: is in maintenance mode: broken",
        mend: "c consul-1 consul maint -disable -service=shop-1",
    },
    Breakage {
        what: "Consul's DNS is off",
        make: "vv -f compose.yaml -f nodns.yaml start consul",
        ask: "health consul",
        says: "✘ consul-1 dns tcp *nothing answers on port 8600*",
        mend: "",
    },
    Breakage {
        what: "Consul has no leader",
        make: "vv -f compose.yaml -f alone.yaml start --no-wait consul",
        ask: "health consul",
        says: "✘ consul-1 leader answers, but no leader is elected",
        mend: "vv start consul",
    },
];

pub const KONG: &[Breakage] = &[
    Breakage {
        what: "Kong runs, and its database is down",
        make: "docker kill $P-kong-database-1",
        ask: "health kong",
        says: "✘ kong-1 gateway it runs, but can't reach its database",
        mend: "",
    },
    Breakage {
        what: "Kong's database was killed",
        make: "",
        ask: "why kong",
        says: "kong isn't ready: kong-database exited with 137: it was killed (SIGKILL)",
        mend: "vv start kong-database",
    },
    Breakage {
        what: "what nginx passes requests on to is down",
        make: "c gateway-1 sh -c 'echo \"server { listen 80 default_server; location / { proxy_pass http://127.0.0.1:9; } }\" >/etc/nginx/conf.d/default.conf; nginx -s reload'",
        ask: "health gateway",
        says: "✘ gateway-1 GET / GET /: 502",
        mend: "",
    },
    Breakage {
        what: "nginx listens on another port than the stack says",
        make: "c gateway-1 sh -c 'echo \"server { listen 81; }\" >/etc/nginx/conf.d/default.conf; nginx -s reload'",
        ask: "health gateway",
        says: "✘ gateway-1 port 80 * accepts and closes at once: nothing answers on port 80 in the container",
        mend: "",
    },
];

pub const WATCHERS: &[Breakage] = &[
    inborn(
        "a target of Prometheus is down",
        "health prometheus",
        "✘ prometheus-1 targets gone (http://nosuch:80/metrics) is down: *",
    ),
    Breakage {
        what: "Prometheus refuses its configuration",
        make: "c prometheus-1 sh -c 'echo \"scrape_configs: nonsense\" >/tmp/p.yml; kill -HUP 1'",
        ask: "health prometheus --fail-on warn",
        says: "! prometheus-1 configuration runs with an old configuration: the last reload failed",
        mend: "",
    },
    inborn(
        "Jaeger takes no spans",
        "health jaeger",
        "✘ jaeger-1 otlp http *nothing answers on port 4318 in the container",
    ),
    Breakage {
        what: "Jaeger hangs",
        make: "docker kill -s STOP $P-jaeger-1",
        ask: "health jaeger --check-timeout 1s",
        says: "✘ jaeger-1 query * accepts but says nothing within 1 s",
        mend: "docker kill -s CONT $P-jaeger-1",
    },
];
