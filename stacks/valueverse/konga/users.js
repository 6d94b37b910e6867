// The administrator that Konga makes at its first start; the password comes from the environment.
module.exports = [
  {
    username: "admin",
    email: "admin@valueverse.local",
    firstName: "ValueVerse",
    lastName: "Administrator",
    node_id: "http://kong:8001",
    admin: true,
    active: true,
    password: process.env.KONGA_PASSWORD,
  },
];
