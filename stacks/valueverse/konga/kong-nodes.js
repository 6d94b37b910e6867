// The gateway that Konga knows from its first start.
module.exports = [
  {
    name: "ValueVerse gateway",
    type: "default",
    kong_admin_url: "http://kong:8001",
    health_checks: false,
  },
];
