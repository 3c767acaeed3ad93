package reports

// ReadJSONUpTo is ReadJSON with a limit of its own.
var ReadJSONUpTo = readJSON
