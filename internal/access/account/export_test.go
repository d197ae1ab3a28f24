package account

// HashWith hashes as Hale did with other parameters.
func HashWith(password string, memory, time uint32) string {
	return hashPassword(password, params{memory: memory, time: time, lanes: 1})
}
