// Apollo's gateway, as in the README's snippet (on standard input), of the service at argv[2] and a
// subgraph that knows users' names; sends the requests in argv[3] and prints the answers.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import * as apollo from "@apollo/gateway";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { graphql, parse } from "graphql";

const profile = (id) => ({ id, name: `Name of ${id}`, picture: `/${id}.png` });
const users = buildSubgraphSchema({
  typeDefs: parse(`
    extend schema @link(url: "https://specs.apollo.dev/federation/v2.0", import: ["@key"])
    type Query { profiles(ids: [ID!]!): [User!]! }
    type User @key(fields: "id") { id: ID!  name: String!  picture: String!  captainOf: Team }
    type Team @key(fields: "id", resolvable: false) { id: ID! }`),
  resolvers: {
    Query: { profiles: (_, { ids }) => ids.map(profile) },
    User: { __resolveReference: ({ id }) => profile(id), captainOf: () => ({ id: "no-such-team" }) },
  },
});
const server = createServer(async (request, response) => {
  let text = "";
  for await (const part of request) text += part;
  const { query: source, variables: variableValues, operationName } = JSON.parse(text);
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(await graphql({ schema: users, source, variableValues, operationName })));
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

const subgraphs = [
  { name: "teams", url: process.argv[2] },
  { name: "users", url: `http://127.0.0.1:${server.address().port}` },
];
const snippet = readFileSync(0, "utf8");
const gateway = new Function("apollo", "subgraphs", `
  const { ApolloGateway, IntrospectAndCompose, RemoteGraphQLDataSource } = apollo;
  ${snippet}
  return gateway;`)(apollo, subgraphs);
const { executor } = await gateway.load();
for (const { query, headers } of JSON.parse(process.argv[3])) {
  const document = parse(query);
  const { data, errors } = await executor({
    request: { query }, document, operation: document.definitions[0], queryHash: query,
    context: { headers }, schema: gateway.schema, cache: new Map(), logger: console, metrics: {},
  });
  console.log(JSON.stringify({ data, codes: errors?.map(({ extensions }) => extensions.code) ?? [] }));
}
process.exit(0);
