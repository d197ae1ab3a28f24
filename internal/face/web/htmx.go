package web

// htmxConfig makes htmx keep to the policy: nothing evaluated, no style
// injected, no history in storage, errors shown as pages.
const htmxConfig = `{"allowEval":false,"allowScriptTags":false,"includeIndicatorStyles":false,"historyCacheSize":0,"selfRequestsOnly":true,"refreshOnHistoryMiss":true,"responseHandling":[{"code":"204","swap":false},{"code":"401","swap":false},{"code":"...","swap":true}]}`

const font = "fonts/atkinson-hyperlegible-next-latin-wght-normal.woff2"
