/** The verdict on an answer: a refusal is data with HTTP status 200, but no success. */

import { settings } from "./page.js";

/** Every `__typename` in the data, in the order of reading. */
function* typesIn(data) {
  if (typeof data !== "object" || data === null) return;
  if (typeof data.__typename === "string") yield data.__typename;
  for (const value of Object.values(data)) yield* typesIn(value);
}

/** A CSS class (good, bad, or none where the answer doesn't say) and the words for it. */
export function verdictOn({ data, errors }, operationType) {
  if (errors) return { className: "bad", words: `Error ${errors[0]?.extensions?.code ?? ""}`.trim() };
  const problem = [...typesIn(data)].find((type) => settings.problems.includes(type));
  if (problem) return { className: "bad", words: `Refused: ${problem}` };
  const isSilent = operationType === "mutation" && Object.values(data ?? {}).some((value) => !value?.__typename);
  return isSilent ? { className: "", words: "Ask for __typename to see whether it was accepted" } : { className: "good", words: "OK" };
}
