package amqp

// part reads size and count after the format code of a compound type, checks them, and
// returns a decoder for the content.
func (d *decoder) part(code byte) (content *decoder, count uint32) {
	size := d.length(code)
	body := d.take(size)
	content = &decoder{b: body, err: d.err, depth: d.depth, values: d.values}
	count = content.length(code)
	return content, count
}

// finish ends what part began.
func (d *decoder) finish(content *decoder) {
	if content.err == nil && len(content.b) > 0 {
		content.fail("%d bytes are left in a compound value", len(content.b))
	}
	if d.err == nil {
		d.err = content.err
	}
}

func (d *decoder) listData(code byte) List {
	if code == codeList0 {
		return List{}
	}
	content, count := d.part(code)
	defer d.finish(content)
	return content.items(count)
}

// items reads count values, each of which takes a byte at least.
func (d *decoder) items(count uint32) List {
	if uint64(count) > uint64(len(d.b)) {
		d.fail("%d values in %d bytes", count, len(d.b))
	}
	if !d.descend() || !d.allow(count) {
		return nil
	}
	defer d.ascend()
	list := make(List, count)
	for i := range list {
		list[i] = d.value()
	}
	return list
}

func (d *decoder) mapData(code byte) Map {
	content, count := d.part(code)
	defer d.finish(content)
	if count%2 != 0 {
		content.fail("a map of %d values", count)
	}
	values := content.items(count)
	m := make(Map, 0, len(values)/2)
	for i := 0; i+1 < len(values); i += 2 {
		m = append(m, Pair{values[i], values[i+1]})
	}
	return m
}

func (d *decoder) arrayData(code byte) Array {
	content, count := d.part(code)
	defer d.finish(content)
	if !content.descend() || !content.allow(count) { // an item may take no byte at all
		return Array{}
	}
	defer content.ascend()
	var a Array
	if a.Code = content.byte(); a.Code == codeDescribed {
		a.Descriptor = content.value()
		if a.Code = content.byte(); a.Code == codeDescribed {
			content.fail("an array of types that are described twice")
		}
	}
	if content.err != nil {
		return Array{}
	}
	a.Items = make([]Value, count)
	for i := range a.Items {
		if a.Items[i] = content.data(a.Code); content.err != nil {
			return Array{}
		}
	}
	return a
}
