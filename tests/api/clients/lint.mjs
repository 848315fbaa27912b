// Lints a schema's file and prints a line for each finding.
import graphqlEslint from "@graphql-eslint/eslint-plugin";
import { ESLint } from "eslint";
import { readFileSync } from "node:fs";

const [schema] = process.argv.slice(2);
const linter = new ESLint({
  overrideConfigFile: true,
  overrideConfig: {
    files: ["**/*.graphql"],
    languageOptions: { parser: graphqlEslint.parser, parserOptions: { graphQLConfig: { schema } } },
    plugins: { "@graphql-eslint": graphqlEslint },
    rules: {
      ...graphqlEslint.configs["flat/schema-relay"].rules,
      "@graphql-eslint/require-description": ["error", {
        types: true, rootField: true, DirectiveDefinition: true, EnumValueDefinition: true,
        FieldDefinition: true, InputValueDefinition: true,
      }],
    },
  },
});
const results = await linter.lintText(readFileSync(schema, "utf8"), { filePath: "schema.graphql" });
for (const { line, ruleId, message } of results.flatMap(({ messages }) => messages)) {
  console.log(JSON.stringify({ line, ruleId, message }));
}
