// Reads queries as JSON from standard input, checks each against the tables with Microsoft's language service, and
// writes what is wrong with it and its syntax tree: [kind, ...children], or [kind, text] for a token.
require('@kusto/language-service-next/bridge.min.js');
require('@kusto/language-service-next/Kusto.Language.Bridge.min.js');
const { KustoCode, GlobalState, Symbols, Syntax } = Kusto.Language;

const { tables, queries } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const symbols = Object.entries(tables).map(([name, columns]) =>
  Symbols.TableSymbol.From(`(${columns})`).WithName(name));
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.$ctor2('logs', null, symbols, false));

function tree(node) {
  const kind = System.Enum.toString(Syntax.SyntaxKind, node.Kind);
  if (!node.ChildCount) return [kind, node.Text ?? ''];
  const children = [];
  for (let i = 0; i < node.ChildCount; i += 1) {
    const child = node.GetChild(i);
    if (child) children.push(tree(child));
  }
  return [kind, ...children];
}

function analyse(query) {
  const code = KustoCode.ParseAndAnalyze(query, globals);
  const found = code.GetDiagnostics();
  const problems = [];
  for (let i = 0; i < found.Count; i += 1) problems.push(found.getItem(i).Message);
  return { problems, tree: tree(code.Syntax) };
}

process.stdout.write(JSON.stringify(queries.map(analyse)));
