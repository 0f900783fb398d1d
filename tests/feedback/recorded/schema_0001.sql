BEGIN TRANSACTION;
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE anomaly_maps (
	case_id VARCHAR NOT NULL, 
	height INTEGER NOT NULL, 
	width INTEGER NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_anomaly_maps PRIMARY KEY (case_id), 
	CONSTRAINT fk_anomaly_maps_case_id FOREIGN KEY(case_id) REFERENCES cases (id)
);
INSERT INTO "anomaly_maps" VALUES('d9e93b020ce848688349b6d5abea9d1a',5,8,X'780101A0005FFFC845F23EBD06033FA852413F9651733F80C10E3D909E133E6FAC523FB0DA723FC8357F3E5EA89F3E70785E3F3EBED83EDADC8B3E51E4533F7494833E8C82D13EFAD1243F2CB20C3F1098AF3DA0C3E13C32975D3F3CE6403F9C7F563FC2C3093F994A513F98D2A83EAAC5E73E76D6493FC8C8FD3D5A3C9B3E60D0FE3DE030E83E82167A3F3842093E6A41C43ED264CE3E2564673F9056503EFD93003FEE4D863E9B4D480D');
INSERT INTO "anomaly_maps" VALUES('92e94140eb6d49a6abe6fd8f73356ca4',4,7,X'78010170008FFF586B563F06F2853E88DBDF3DD4D3983E62DFD33E1971503FDE0CE73E683EBC3DC875AB3E30A0193F2C2D503FF1823A3FFB2B7E3F2069403E9E56613F60E1613DE4E70E3FC8C88C3E242F4E3E874D283F1C859C3EA4F00F3FAA33853EECA9193E2DCA3F3FC881DD3E13C02D3F11572B3FDA9C2F07');
CREATE TABLE case_images (
	case_id VARCHAR NOT NULL, 
	position INTEGER NOT NULL, 
	image_number INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	window_low DOUBLE, 
	window_high DOUBLE, 
	CONSTRAINT pk_case_images PRIMARY KEY (case_id, position), 
	CONSTRAINT fk_case_images_case_id FOREIGN KEY(case_id) REFERENCES cases (id), 
	CONSTRAINT fk_case_images_image_number FOREIGN KEY(image_number) REFERENCES images (number)
);
INSERT INTO "case_images" VALUES('d9e93b020ce848688349b6d5abea9d1a',0,1,'part.png',NULL,NULL);
INSERT INTO "case_images" VALUES('d9e93b020ce848688349b6d5abea9d1a',1,2,'good ü.tif',100.25,21845.0);
INSERT INTO "case_images" VALUES('d9e93b020ce848688349b6d5abea9d1a',2,3,'good.png',NULL,NULL);
INSERT INTO "case_images" VALUES('92e94140eb6d49a6abe6fd8f73356ca4',0,1,'other.png',NULL,NULL);
INSERT INTO "case_images" VALUES('92e94140eb6d49a6abe6fd8f73356ca4',1,2,'good ü.tif',100.25,21845.0);
INSERT INTO "case_images" VALUES('92e94140eb6d49a6abe6fd8f73356ca4',2,3,'good.png',NULL,NULL);
CREATE TABLE case_regions (
	case_id VARCHAR NOT NULL, 
	revision INTEGER NOT NULL, 
	created DOUBLE NOT NULL, 
	policy VARCHAR NOT NULL, 
	rois JSON NOT NULL, 
	verdict_label VARCHAR, 
	p_defective DOUBLE, 
	location VARCHAR, 
	step INTEGER, 
	kind VARCHAR, 
	CONSTRAINT pk_case_regions PRIMARY KEY (case_id, revision), 
	CONSTRAINT fk_case_regions_case_id FOREIGN KEY(case_id) REFERENCES cases (id)
);
INSERT INTO "case_regions" VALUES('d9e93b020ce848688349b6d5abea9d1a',1,1.79527716811126661303e+09,'faithful','[[0, 1, 5, 6, 0.2804087579860399, "expert"], [2, 2, 3, 3, null, "random"]]',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "case_regions" VALUES('92e94140eb6d49a6abe6fd8f73356ca4',1,1.79527716813085389132e+09,'faithful','[[0, 1, 5, 6, 0.6331843992741164, "expert"], [2, 2, 3, 3, null, "random"]]',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "case_regions" VALUES('d9e93b020ce848688349b6d5abea9d1a',2,1.79527716816573309904e+09,'user','[[1, 1, 4, 4, null, "user"]]','normal',0.25,NULL,NULL,'');
CREATE TABLE cases (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id VARCHAR NOT NULL, 
	created DOUBLE NOT NULL, 
	product VARCHAR NOT NULL, 
	process_number INTEGER, 
	expert VARCHAR NOT NULL, 
	score DOUBLE NOT NULL, 
	calibrated BOOLEAN NOT NULL, 
	basis VARCHAR NOT NULL, 
	revision INTEGER NOT NULL, 
	timings JSON NOT NULL, 
	CONSTRAINT uq_cases_id UNIQUE (id), 
	CONSTRAINT fk_cases_process_number FOREIGN KEY(process_number) REFERENCES process_versions (number)
);
INSERT INTO "cases" VALUES(1,'d9e93b020ce848688349b6d5abea9d1a',1.79527716811126661303e+09,'cable',1,'reference@1',7.50364672630052575996e-01,1,'references',2,'{"decode": 0.1, "expert": 0.3333333333333333, "prefill": 2e-07, "first_token": 0.4, "total": 12.5, "tokens_per_second": 13.37}');
INSERT INTO "cases" VALUES(2,'92e94140eb6d49a6abe6fd8f73356ca4',1.79527716813085389132e+09,'Kabel ü',NULL,'reference@1',4.22784673270127808741e-01,0,'references',1,'{"decode": 0.1, "expert": 0.3333333333333333, "prefill": 2e-07, "first_token": 0.4, "total": 12.5, "tokens_per_second": 13.37}');
CREATE TABLE corrections (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id VARCHAR NOT NULL, 
	case_id VARCHAR NOT NULL, 
	turn_id VARCHAR, 
	"key" VARCHAR, 
	created DOUBLE NOT NULL, 
	author VARCHAR NOT NULL, 
	agrees BOOLEAN NOT NULL, 
	label VARCHAR, 
	location VARCHAR, 
	step INTEGER, 
	kind VARCHAR NOT NULL, 
	answer VARCHAR NOT NULL, 
	rois JSON, 
	note VARCHAR NOT NULL, 
	CONSTRAINT uq_corrections_case_id UNIQUE (case_id, "key"), 
	CONSTRAINT fk_corrections_turn FOREIGN KEY(case_id, turn_id) REFERENCES turns (case_id, id), 
	CONSTRAINT uq_corrections_id UNIQUE (id), 
	CONSTRAINT fk_corrections_case_id FOREIGN KEY(case_id) REFERENCES cases (id)
);
INSERT INTO "corrections" VALUES(1,'bc7b73f163eb45dbb46e45305b4f5e2d','d9e93b020ce848688349b6d5abea9d1a','0a1dc17ef6464308b66d141d44212343','k',1.79527716814973711963e+09,'Ann',0,'normal','center',2,'glare','It is a reflection.','[[3, 3, 4, 5, null, "user"]]','seen twice');
INSERT INTO "corrections" VALUES(2,'4793b368aa0f470abc3530820268aa6e','92e94140eb6d49a6abe6fd8f73356ca4',NULL,NULL,1.79527716815770697596e+09,'Ann',0,'normal','center',2,'glare','It is a reflection.',NULL,'seen twice');
CREATE TABLE images (
	number INTEGER NOT NULL, 
	sha256 VARCHAR NOT NULL, 
	page INTEGER NOT NULL, 
	pages INTEGER NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	mode VARCHAR NOT NULL, 
	created DOUBLE NOT NULL, 
	CONSTRAINT pk_images PRIMARY KEY (number), 
	CONSTRAINT uq_images_sha256 UNIQUE (sha256, page, width, height, mode, pages)
);
INSERT INTO "images" VALUES(1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',0,1,8,6,'RGB 8-bit',1.79527716811126661303e+09);
INSERT INTO "images" VALUES(2,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',2,4,8,6,'grey 16-bit',1.79527716811126661303e+09);
INSERT INTO "images" VALUES(3,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',0,1,8,6,'RGB 8-bit',1.79527716811126661303e+09);
CREATE TABLE process_versions (
	number INTEGER NOT NULL, 
	digest VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	source VARCHAR NOT NULL, 
	saved BOOLEAN NOT NULL, 
	product VARCHAR NOT NULL, 
	plural VARCHAR NOT NULL, 
	steps JSON NOT NULL, 
	created DOUBLE NOT NULL, 
	CONSTRAINT pk_process_versions PRIMARY KEY (number), 
	CONSTRAINT uq_process_versions_digest UNIQUE (digest)
);
INSERT INTO "process_versions" VALUES(1,'ba14ae6b8a4d1e1deb103e37d800d110773844b59976fd5409e14852c3a9824f','cable',3,'library',0,'cable','cables','[[1, "Draw three copper strands", ["three strands", "bright copper"]], [2, "Sheathe them: gr\u00fcn, gelb, blau", []]]',1.79527716811126661303e+09);
INSERT INTO "process_versions" VALUES(2,'2b0a60c2edb94148d383a0bdc4b6b2dfbb84c7bb2a196198e17b9f2eb25b14ff','cable',1,'saved',1,'cable','cables','[[1, "Draw three copper strands", ["three strands", "bright copper"]], [2, "Sheathe them: gr\u00fcn, gelb, blau", []]]',1.79527716817786550523e+09);
CREATE TABLE turns (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id VARCHAR NOT NULL, 
	case_id VARCHAR NOT NULL, 
	created DOUBLE NOT NULL, 
	updated DOUBLE NOT NULL, 
	question VARCHAR NOT NULL, 
	answer VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	verdict JSON, 
	rois JSON NOT NULL, 
	prompt VARCHAR NOT NULL, 
	engine VARCHAR NOT NULL, 
	seed BIGINT NOT NULL, 
	visual_tokens INTEGER NOT NULL, 
	timings JSON NOT NULL, 
	error VARCHAR NOT NULL, 
	CONSTRAINT uq_turns_case_id UNIQUE (case_id, id), 
	CONSTRAINT uq_turns_id UNIQUE (id), 
	CONSTRAINT fk_turns_case_id FOREIGN KEY(case_id) REFERENCES cases (id)
);
INSERT INTO "turns" VALUES(1,'0a1dc17ef6464308b66d141d44212343','d9e93b020ce848688349b6d5abea9d1a',1.79527716814189791682e+09,1.79527716814189791682e+09,'What went wrong?','A ''strand'' is "bent".
In step 1 – 100 %.','complete','{"label": "defective", "p_defective": 0.30000000000000004, "location": "top left", "step": 1, "kind": "bent"}','[[1, 2, 3, 4, 0.7, "user"]]','<|im_start|>user
…','smollm2+triad@1 bf16',1099511627776,81,'{"decode": 0.0, "expert": 0.0, "prefill": 0.0, "first_token": 0.14285714285714285, "total": 2.5, "tokens_per_second": 0.0}','');
CREATE UNIQUE INDEX uq_process_versions_saved ON process_versions (name, version) WHERE saved;
CREATE INDEX ix_turns_state ON turns (state) WHERE state = 'streaming';
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('cases',2);
INSERT INTO "sqlite_sequence" VALUES('turns',1);
INSERT INTO "sqlite_sequence" VALUES('corrections',2);
COMMIT;
