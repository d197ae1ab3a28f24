package fhirpath_test

// varied are expressions of all kinds that both engines evaluate on every
// resource of the town.
var varied = []string{
	"id", "meta.lastUpdated", "meta.versionId", "resourceType", "descendants().count()", "children().count()",
	"descendants().where($this is Reference).reference", "descendants().ofType(Coding).code.distinct()", "descendants().ofType(Quantity).value",
	"descendants().ofType(CodeableConcept).text", "descendants().ofType(Period).start", "descendants().ofType(dateTime)", "descendants().ofType(boolean)",
	"descendants().ofType(Coding).where(system = %loinc).code", "descendants().ofType(Coding).select(system & '|' & code)",
	"descendants().ofType(Coding).all(code.exists())", "descendants().ofType(Identifier).exists(value.length() > 3)",
	"code.coding.where(system = 'http://loinc.org').code.first()", "code.coding.code | code.text", "code.coding.code.combine(code.text).count()",
	"status in ('final' | 'active' | 'completed')", "('final' | 'active') contains status", "status = 'final' or status = 'active'",
	"status.exists() implies status != ''", "status.exists() xor id.exists()", "iif(status.exists(), status, 'none')", "status.upper()", "status.substring(1, 2)",
	"status.indexOf('a')", "status.startsWith('f')", "status.endsWith('e')", "status.contains('i')", "status.replace('a', 'b')", "status.matches('^[a-z-]+$')",
	"status.replaceMatches('[aeiou]', '*')", "status.toChars().count()", "status.length() > 3", "subject.reference.split('/')", "subject.reference.replace('Patient/', '')",
	"name.given.first()", "name.given.last()", "name.given.tail()", "name.given.skip(1)", "name.given.take(1)", "name.family.single()", "name[0].given[0]", "name[5].given",
	"name.where(use = 'official').given", "name.select(given | family)", "name.select(given.first() & ' ' & family)", "name.given.isDistinct()", "name.given.subsetOf(name.given)",
	"name.given.supersetOf(name.family)", "name.given.intersect(name.given.first())", "name.given.exclude(name.given.first())", "name.given.join(', ')", "name.exists() and active",
	"birthDate < @2000-01-01", "birthDate <= @1980", "birthDate > @1950-06", "birthDate = @1974-12-25", "birthDate + 1 year", "birthDate - 3 months", "birthDate + 40 days", "birthDate.toString().length()",
	"telecom.where(system = 'phone').value", "telecom.where(system = 'email').exists()", "telecom.rank.first()", "address.line.count()", "address.postalCode.toInteger()",
	"value.exists()", "value is Quantity", "(value as Quantity).value", "value.ofType(Quantity).unit", "(value as Quantity).value > 100", "(value as Quantity).value * 2 + 1",
	"(value as Quantity).value / 4", "(value as Quantity).value div 7", "(value as Quantity).value mod 7", "(value as Quantity).value.round(0)", "(value as Quantity).value.floor()",
	"(value as Quantity).value.ceiling()", "(value as Quantity).value.truncate()", "-(value as Quantity).value", "(value as Quantity).value.abs().sqrt()", "(value as Quantity).value.power(2)",
	"component.count()", "component.value.ofType(Quantity).value.aggregate($this + $total, 0)", "component.select($index)", "component.code.coding.code", "component.where(value.ofType(Quantity).value > 80).code.text",
	"effective.exists()", "effective.ofType(dateTime) < @2026-03-02T12:00:00Z", "effective.ofType(dateTime) >= @2020-01-01T00:00:00Z", "effective ~ effective", "issued is instant",
	"repeat(children()).count() = descendants().count()", "repeat(item).count()", "extension.url", "extension('http://hl7.org/fhir/us/core/StructureDefinition/us-core-race').extension.value", "extension.value.ofType(Coding).display",
	"contained.count()", "{} = {}", "1 + 2 * 3 - 4 div 3", "'a' + 'b' & {}", "(1 | 2 | 2).count()", "1.5 + 1 = 2.5", "@2020-02-29 + 1 year", "@2020-01-31 + 1 month", "@T10:30 > @T09:00", "5 'mg' = 0.005 'g'",
	"'true'.toBoolean()", "'1.50'.toDecimal()", "'2020-01'.toDate()", "3.14159.round(3)", "(3 | 1 | 2).where($this > 1)", "trace('x').id", "%resource.id = id", "%context.id", "%ucum", "true.not()", "text.status", "text.div.exists()",
	"(true and {}).empty()", "(1 | 2 | 3).all($this > 0)", "(1 | 2 | 3).exists($this > 2)", "(true | false).anyTrue()", "(true | false).allTrue()", "'abc' ~ 'ABC'", "1.001 ~ 1.0", "'2' > '10'", "10 'cm' < 1 'm'",
}
