// Reads AsyncAPI documents with the parser that the AsyncAPI Initiative publishes, and the rules that come with it.
//
// node asyncapi.cjs PARSER DOCUMENT…    exit 1 when a document breaks a rule

const { readFileSync } = require("node:fs");

// The bundle is made for a browser, and looks for its window.
globalThis.window = globalThis;
const [bundle, ...documents] = process.argv.slice(2);
const Parser = require(bundle);

const SEVERITIES = ["error", "warning", "information", "hint"];

async function check(path) {
    const { document, diagnostics } = await new Parser().parse(readFileSync(path, "utf8"));
    for (const { severity, code, path: at, message } of diagnostics) {
        console.log(`${path}: ${SEVERITIES[severity]}: ${at.join("/")}: ${message} (${code})`);
    }
    return document !== undefined && diagnostics.every(({ severity }) => severity > 1);
}

(async () => {
    const checked = [];
    for (const path of documents) checked.push(await check(path));
    process.exitCode = checked.length > 0 && checked.every(Boolean) ? 0 : 1;
})();
